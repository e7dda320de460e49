import type { EpochMs } from "../domain/ids.ts";
import type { Job } from "../domain/job.ts";
import type { Machine } from "../domain/machine.ts";
import { costUntil } from "../planning/cost/bill.ts";
import type { Store } from "../ports/store.ts";

/** Adds to the record of a live machine what it has cost by now; that of a machine that is gone holds it already. */
export function pricedMachine(machine: Machine, now: EpochMs): Machine {
  if (machine.state === "terminated") return machine;
  const costUsd = costUntil(machine, now);
  return costUsd === undefined ? machine : { ...machine, costUsd };
}

/** Adds to the record of a job what its machine has cost by now. */
export async function pricedJob(job: Job, store: Pick<Store, "machine">, now: EpochMs): Promise<Job> {
  const machine = job.machineId === undefined ? undefined : await store.machine(job.machineId);
  const costUsd = machine === undefined ? undefined : pricedMachine(machine, now).costUsd;
  return costUsd === undefined ? job : { ...job, costUsd };
}
