import { TransientError } from "../../domain/errors.ts";
import type { MachineId } from "../../domain/ids.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import type { Instance, SharedLaunchSpec } from "../../ports/driver.ts";
import { callDriver } from "../provider/calls.ts";
import { aborted } from "../../ports/deadline.ts";
import { eventOf } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";
import type { LaunchIntent } from "./intent.ts";
import { limitsFrom, seedSettingsFrom, startLaunch } from "./launch.ts";
import { afterLaunch, launchedChanges, launchedFrom, noteEnded, noteFailed, track } from "./launched.ts";
import type { Launched } from "./launched.ts";
import { isStoreFailure, recordFact } from "../state/record.ts";
import { recordOf } from "../shared.ts";
import { launchTask } from "../tasks.ts";

/**
 * Asks the provider for machines whose intents are stored, those of one token by one call.
 *
 * Which of its instances is which machine's, the provider does not know: they were told the same, and until its first contact
 * any of them can be any of the machines. So the store decides. One commit gives each machine an instance that no record has,
 * whatever order the provider tells them in, whichever of them it does not show, and whatever became of the others; a manager
 * that was killed before it asks again by the same token, and gives them out then. At the first contact each instance becomes
 * its machine for good (`Guest.seal`). One that no record has, and no machine of its call waits for, is a stranger (shared.ts).
 */
export function startLaunches(
  fleet: Fleet,
  planned: readonly { readonly desired: DesiredPool; readonly intent: LaunchIntent }[],
): void {
  for (const call of Map.groupBy(planned, ({ intent }) => intent.machine.launchToken).values()) {
    const intents = call.map(({ intent }) => intent);
    const { desired, intent } = call[0] as (typeof planned)[number];
    if (intent.machine.launchedWith === undefined) startLaunch(fleet, desired, intent);
    else startTogether(fleet, desired, intents, true);
  }
}

/** Asks again, with the same token, for machines of one call that an earlier run of the manager made; those that it still waits for. */
export async function resumeTogether(fleet: Fleet, pool: DesiredPool, intents: readonly LaunchIntent[]): Promise<void> {
  const detail = "no answer was in the store when the manager came back";
  const events = intents.map(({ machine: { id: machineId, poolName } }) =>
    eventOf(fleet, { machineId, poolName, what: "launch resumed", detail }),
  );
  // As with a call for one.
  await fleet.state.commit(events).catch((error: unknown) => {
    if (!isStoreFailure(error)) throw error;
  });
  startTogether(fleet, pool, intents, false);
}

/** Each machine has a task of its own, so that it can be given up alone; the call goes on while one of them wants it. */
function startTogether(fleet: Fleet, pool: DesiredPool, intents: readonly LaunchIntent[], isFirst: boolean): void {
  const wanted = new Set(intents);
  const unwanted = new AbortController();
  const ended = Promise.withResolvers<void>();
  for (const intent of intents)
    fleet.tasks.start(launchTask(intent.machine.id), async (signal) => {
      await Promise.race([ended.promise, aborted(signal)]);
      if (!signal.aborted) return;
      noteEnded(fleet, intent.machine.id);
      wanted.delete(intent);
      if (wanted.size === 0) unwanted.abort(signal.reason);
    });
  fleet.tasks.start(`launch ${intents[0]?.machine.id} and others`, async (signal) => {
    const either = AbortSignal.any([signal, unwanted.signal]);
    await launchTogether(fleet, pool, intents, wanted, isFirst, either).finally(() => ended.resolve());
  });
}

/** @param wanted those of the intents that nobody has given up; it shrinks meanwhile. */
async function launchTogether(
  fleet: Fleet,
  pool: DesiredPool,
  intents: readonly LaunchIntent[],
  wanted: ReadonlySet<LaunchIntent>,
  isFirst: boolean,
  signal: AbortSignal,
): Promise<void> {
  const [{ machine, keys }] = intents as [LaunchIntent];
  const { launchedWith: machineIds = [] } = machine;
  let isAsked = false;
  const fail = async (error: unknown): Promise<void> => {
    if (signal.aborted) return;
    for (const intent of wanted)
      if (fleet.state.machine(intent.machine.id)?.state === "requested")
        await noteFailed(fleet, intent.machine, { error, isAsked, isFirst }, signal);
  };
  try {
    const seed = await fleet.deps.guest.seedFrom(machineIds, keys, seedSettingsFrom(pool), limitsFrom(pool));
    const spec = { machineIds, poolName: pool.name, shape: pool.shape, seed } satisfies SharedLaunchSpec;
    const { instances, shortfall } = await callDriver(fleet, machine.driver, "launch", signal, (driver, bounded) => {
      const { together } = driver;
      if (together === undefined) throw new Error(`driver "${driver.name}" launches one machine a call`);
      isAsked = true;
      return track(fleet, machineIds, () => together.launch(spec, machine.launchToken, bounded));
    });
    const launched = await giveOut(fleet, pool, intents, instances, signal);
    for (const one of launched) afterLaunch(fleet, pool, one);
    const detail = `the call for ${machineIds.length} machines brought ${instances.length}`;
    await fail(shortfall ?? new TransientError("launch-unknown", detail));
  } catch (error) {
    for (const { machine: one } of wanted) noteEnded(fleet, one.id);
    await fail(error);
  }
}

/** Gives each machine that still waits for one an instance that no record has, all in one commit. */
function giveOut(
  fleet: Fleet,
  pool: DesiredPool,
  intents: readonly LaunchIntent[],
  instances: readonly Instance[],
  signal: AbortSignal,
): Promise<readonly Launched[]> {
  const machineIds: readonly MachineId[] = intents[0]?.machine.launchedWith ?? [];
  return recordFact(fleet, signal, async () => {
    const records = await Promise.all(machineIds.map((id) => recordOf(fleet, id)));
    const taken = new Set(records.map((record) => record !== undefined && "providerId" in record && record.providerId));
    const free = instances.filter(({ providerId }) => !taken.has(providerId));
    const waiting = intents.filter(({ machine: { id } }) => fleet.state.machine(id)?.state === "requested");
    const launched = waiting.flatMap((intent, index): Launched[] => {
      const instance = free[index];
      return instance === undefined ? [] : [launchedFrom(fleet, pool, intent, instance)];
    });
    if (launched.length > 0) await fleet.state.commit(launched.flatMap((one) => launchedChanges(fleet, one)));
    return launched;
  });
}
