import { leaseIdFrom, machineIdFrom } from "../../src/domain/ids.ts";
import type { LiveMachine, MachineIn } from "../../src/domain/machine.ts";

/** The present of the builders below, in epoch milliseconds. */
export const NOW = 1_000_000_000;

let count = 0;

const base = (): Omit<MachineIn<"requested">, "state" | "requestedAt"> => ({
  id: machineIdFrom(`m-${++count}`),
  poolName: "small",
  driver: "simulated",
  launchToken: `t-${count}`,
  isCordoned: false,
});
const ready = (ageMs: number): Pick<MachineIn<"idle">, "providerId" | "launchedAt" | "address" | "readyAt"> => ({
  providerId: `i-${count}`,
  launchedAt: NOW - ageMs,
  readyAt: NOW - ageMs,
  address: { host: "127.1.1.1", port: 22 },
});

export const requestedMachine = ({ ageMs = 0 } = {}): LiveMachine => ({
  ...base(),
  state: "requested",
  requestedAt: NOW - ageMs,
});

export const bootingMachine = ({ ageMs = 0 } = {}): LiveMachine => ({
  ...base(),
  state: "booting",
  requestedAt: NOW - ageMs,
  providerId: `i-${count}`,
  launchedAt: NOW - ageMs,
});

export const idleMachine = ({
  ageMs = 0,
  idleMs = ageMs,
  isCordoned = false,
}: {
  ageMs?: number;
  idleMs?: number;
  isCordoned?: boolean;
} = {}): MachineIn<"idle"> => ({
  ...base(),
  ...ready(ageMs),
  state: "idle",
  requestedAt: NOW - ageMs,
  idleSince: NOW - idleMs,
  isCordoned,
});

export const leasedMachine = ({ ageMs = 0, leasedMs = 0 } = {}): LiveMachine => ({
  ...base(),
  ...ready(ageMs),
  state: "leased",
  requestedAt: NOW - ageMs,
  leaseId: leaseIdFrom(`l-${count}`),
  leasedAt: NOW - leasedMs,
});

/** The digest of what the builders' pools make machines from. */
export const RECIPE = "recipe";

const launchedFacts = (
  ageMs: number,
): Pick<MachineIn<"stopped">, "providerId" | "launchedAt" | "requestedAt" | "recipe"> => ({
  providerId: `i-${count}`,
  launchedAt: NOW - ageMs,
  requestedAt: NOW - ageMs,
  recipe: RECIPE,
});

export const stoppingMachine = ({ ageMs = 0, stoppingMs = 0 } = {}): MachineIn<"stopping"> => ({
  ...base(),
  ...launchedFacts(ageMs),
  state: "stopping",
  stoppingSince: NOW - stoppingMs,
});

export const stoppedMachine = ({
  ageMs = 0,
  stoppedMs = ageMs,
  recipe = RECIPE,
}: {
  ageMs?: number;
  stoppedMs?: number;
  recipe?: string;
} = {}): MachineIn<"stopped"> => ({
  ...base(),
  ...launchedFacts(ageMs),
  recipe,
  state: "stopped",
  stoppedSince: NOW - stoppedMs,
});

export const startingMachine = ({ ageMs = 0, startingMs = 0 } = {}): MachineIn<"starting"> => ({
  ...base(),
  ...launchedFacts(ageMs),
  state: "starting",
  startingSince: NOW - startingMs,
  startedAt: NOW - startingMs,
});

export const terminatingMachine = (): LiveMachine => ({
  ...base(),
  state: "terminating",
  requestedAt: NOW,
  reason: "operator",
  detail: "by hand",
  terminatingSince: NOW,
});
