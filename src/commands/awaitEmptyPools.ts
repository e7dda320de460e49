import { SystemError } from "../domain/errors.ts";
import type { Job } from "../domain/job.ts";
import type { Machine } from "../domain/machine.ts";
import type { Clock } from "../ports/clock.ts";
import type { Manager } from "../ports/manager.ts";
import { shownDuration } from "./shown.ts";

/** Pause between two looks, and between two lines that say the same. */
const LOOK_MS = 1_000;
const TELL_MS = 10_000;

/**
 * Waits until draining pools have no machine left, and says what is waited for, whenever that changes and every ten seconds.
 * @throws SystemError `drain-timeout` when they have some after `timeoutMs`; the signal's reason when it aborts.
 */
export async function awaitEmptyPools(
  manager: Pick<Manager, "machines" | "jobs">,
  poolNames: readonly string[],
  timeoutMs: number,
  tell: (text: string) => Promise<void>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = clock.monotonic();
  let told = "";
  let toldAt = startedAt;
  for (;;) {
    signal.throwIfAborted();
    const left = await machinesLeft(manager, poolNames);
    if (left.length === 0) return;
    const now = clock.monotonic();
    const what = `${left.length === 1 ? "1 machine" : `${left.length} machines`} of ${poolNames.join(", ")}: ${left.join(", ")}`;
    const leftMs = startedAt + timeoutMs - now;
    if (leftMs <= 0) {
      const text = `not empty after ${shownDuration(timeoutMs)}, and still draining: ${what}`;
      throw new SystemError("drain-timeout", text);
    }
    if (what !== told || now - toldAt >= TELL_MS) {
      await tell(`waiting for ${what}; ${shownDuration(leftMs)} more at the longest`);
      told = what;
      toldAt = now;
    }
    await clock.sleep(LOOK_MS, signal);
  }
}

async function machinesLeft(manager: Pick<Manager, "machines" | "jobs">, poolNames: readonly string[]) {
  const jobs = await manager.jobs(false);
  const machines = await manager.machines(false);
  return machines.filter(({ poolName }) => poolNames.includes(poolName)).map((machine) => phraseOf(machine, jobs));
}

function phraseOf(machine: Machine, jobs: readonly Job[]): string {
  const job = jobs.find(({ machineId }) => machineId === machine.id);
  const holder = machine.state === "leased" ? `, lease ${machine.leaseId}` : "";
  return `${machine.id} (${machine.state}${job === undefined ? holder : `, job ${job.name} ${job.id}`})`;
}
