import { compareApiCalls } from "./apiCalls.ts";
import type { Bench } from "./bench.ts";
import { compareClaims } from "./claim.ts";
import { compareColdStart } from "./coldStart.ts";
import { compareConnections } from "./connections.ts";
import { compareCrowd } from "./crowd/memory.ts";
import { compareCustomExecutor } from "./customExecutor.ts";
import { compareManyAtOnce } from "./manyAtOnce.ts";
import { compareMemory } from "./managerMemory.ts";
import { comparePlanningPass } from "./planningPass.ts";
import { compareRestore } from "./restore.ts";
import { compareThinClients } from "./thinClient.ts";

/** Every part of `npm run bench`, in the order of the run: memory while nothing else runs, real machines last. */
export const BENCHES: readonly Bench[] = [
  { name: "memory", isOnMachines: false, measure: ({ progress, signal }) => compareMemory(progress, signal) },
  {
    name: "crowd",
    isOnMachines: false,
    measure: async ({ progress, signal }) => [await compareCrowd(progress, signal)],
  },
  {
    name: "planning-pass",
    isOnMachines: false,
    measure: async ({ rounds, progress, signal }) => [await comparePlanningPass(rounds, progress, signal)],
  },
  {
    name: "api-calls",
    isOnMachines: false,
    measure: async ({ progress, signal }) => [await compareApiCalls(progress, signal)],
  },
  {
    name: "thin-clients",
    isOnMachines: false,
    measure: ({ rounds, progress, signal }) => compareThinClients(rounds, progress, signal),
  },
  {
    name: "custom-executor",
    isOnMachines: false,
    measure: ({ rounds, progress, signal }) => compareCustomExecutor(rounds, progress, signal),
  },
  {
    name: "cold-start",
    isOnMachines: false,
    measure: async ({ rounds, progress, signal }) => [await compareColdStart(rounds, progress, signal)],
  },
  { name: "many-at-once", isOnMachines: true, measure: async (context) => [await compareManyAtOnce(context)] },
  {
    name: "connections",
    isOnMachines: true,
    measure: async ({ rounds, progress, signal, machine }) =>
      compareConnections(await machine(), rounds, progress, signal),
  },
  { name: "claim", isOnMachines: true, measure: compareClaims },
  { name: "restore", isOnMachines: true, measure: async (context) => [await compareRestore(context)] },
];
