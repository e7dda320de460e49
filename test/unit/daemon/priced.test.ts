import { expect, it } from "vitest";
import { pricedJob, pricedMachine } from "../../../src/daemon/priced.ts";
import { jobIdFrom } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job.ts";
import type { Machine } from "../../../src/domain/machine.ts";
import { terminatedFrom, terminatingFrom } from "../../../src/domain/moves.ts";
import { idleMachine, NOW } from "../../support/machines.ts";

const machine = { ...idleMachine({ ageMs: 10_000 }), price: { usdPerHour: 3.6, source: "the test" } };
const ending = terminatingFrom(machine, "job-finished", "done", NOW);
if (ending.state !== "terminating") throw new Error("unreachable");
const gone = terminatedFrom(ending, NOW, 0.01);
const job: Job = {
  ...{ id: jobIdFrom("j-1"), name: "test", poolName: "small", holder: "ci", createdAt: 0, phasesMs: {} },
  machineId: machine.id,
  state: "running",
};
const storeOf = (stored: Machine | undefined) => ({ machine: async () => stored });

it("tells what a live machine has cost by now, and what one that is gone has cost in all", () => {
  expect(pricedMachine(machine, NOW + 5000).costUsd).toBe(0.015);
  expect(pricedMachine(gone, NOW + 3_600_000).costUsd).toBe(0.01);
});

it("tells nothing of a machine without a price", () => {
  expect(pricedMachine(idleMachine(), NOW)).not.toHaveProperty("costUsd");
});

it("tells what the machine of a job has cost", async () => {
  expect(await pricedJob(job, storeOf(machine), NOW)).toEqual({ ...job, costUsd: 0.01 });
  expect(await pricedJob(job, storeOf(gone), NOW + 9_000)).toEqual({ ...job, costUsd: 0.01 });
});

it("tells nothing of a job without a machine, or whose machine nobody remembers", async () => {
  const { machineId: _, ...waiting } = job;

  expect(await pricedJob({ ...waiting, state: "waiting" }, storeOf(machine), NOW)).not.toHaveProperty("costUsd");
  expect(await pricedJob(job, storeOf(undefined), NOW)).not.toHaveProperty("costUsd");
});
