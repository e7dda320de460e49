import type { DesiredPool } from "../../domain/pool.ts";
import { LEASE_OVERTIME_MS } from "../../planning/retire.ts";
import type { LaunchSpec } from "../../ports/driver.ts";
import type { MachineLimits, SeedSettings } from "../../ports/guest.ts";
import { callDriver } from "../provider/calls.ts";
import { eventOf } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";
import type { LaunchIntent } from "./intent.ts";
import { afterLaunch, launchedChanges, launchedFrom, noteEnded, noteFailed, track } from "./launched.ts";
import { isStoreFailure, recordFact } from "../state/record.ts";
import { launchTask } from "../tasks.ts";

/** Asks the provider for a machine whose intent is stored, by a call of its own. */
export function startLaunch(fleet: Fleet, pool: DesiredPool, intent: LaunchIntent, isFirst = true): void {
  fleet.tasks.start(launchTask(intent.machine.id), (signal) => launchMachine(fleet, pool, intent, isFirst, signal));
}

/** Asks again, with the same token, for a machine that an earlier run of the manager asked for. */
export async function resumeLaunch(fleet: Fleet, pool: DesiredPool, intent: LaunchIntent): Promise<void> {
  const { id: machineId, poolName } = intent.machine;
  const detail = "no answer was in the store when the manager came back";
  // The intent is in the store: a full disk may keep this news from it, but not the manager from its start.
  await fleet.state
    .commit([eventOf(fleet, { machineId, poolName, what: "launch resumed", detail })])
    .catch((error: unknown) => {
      if (!isStoreFailure(error)) throw error;
    });
  startLaunch(fleet, pool, intent, false);
}

/** What machines of a pool are told. */
export const seedSettingsFrom = ({ guest, preload }: DesiredPool): SeedSettings => ({ ...guest, preload });

/** A machine lives at the longest through a slow boot, a long wait, and a job with all its overtime. */
export const limitsFrom = (pool: DesiredPool): MachineLimits => ({
  orphanTimeoutMs: pool.orphanTimeoutMs,
  lifetimeMs: pool.bootTimeoutMs + pool.maxAgeMs + pool.jobTimeoutMs + LEASE_OVERTIME_MS,
});

async function launchMachine(
  fleet: Fleet,
  pool: DesiredPool,
  intent: LaunchIntent,
  isFirst: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { machine, keys } = intent;
  let isAsked = false;
  try {
    const seed = await fleet.deps.guest.seedFrom([machine.id], keys, seedSettingsFrom(pool), limitsFrom(pool));
    const spec = { machineId: machine.id, poolName: pool.name, shape: pool.shape, seed } satisfies LaunchSpec;
    const instance = await callDriver(fleet, machine.driver, "launch", signal, (driver, bounded) => {
      isAsked = true;
      return track(fleet, [machine.id], () => driver.launch(spec, machine.launchToken, bounded));
    });
    const launched = launchedFrom(fleet, pool, intent, instance);
    const isWanted = await recordFact(
      fleet,
      signal,
      async () => {
        if (fleet.state.machine(machine.id)?.state !== "requested") return false;
        await fleet.state.commit(launchedChanges(fleet, launched));
        return true;
      },
      pool.name,
    );
    // A machine that was retired in the meantime is found by its tag and ended by its termination, which waits for this task.
    if (isWanted) afterLaunch(fleet, pool, launched);
  } catch (error) {
    noteEnded(fleet, machine.id);
    // It was retired, and its termination takes over; or the manager ends, and the next one asks again.
    if (!signal.aborted) await noteFailed(fleet, machine, { error, isAsked, isFirst }, signal);
  }
}
