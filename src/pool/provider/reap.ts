import type { EpochMs } from "../../domain/ids.ts";
import type { Driver, Instance } from "../../ports/driver.ts";
import { callDriver } from "./calls.ts";
import { eventOf } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";
import type { Look, Stranger } from "./looks.ts";

/** A stranger is reaped when two lists so far apart show it: the record of a fresh launch may be newer than the first. */
const STRANGER_MS = 30_000;
/** How long lists may go on showing what was terminated. */
const STALE_MS = 30_000;
/** A reaped instance that is still there after so long is reaped again. */
const REAP_AGAIN_MS = 60_000;

/** Ends instances that bear our tag and that no live record knows. */
export async function reapStrangers(fleet: Fleet, driver: Driver, look: Look, signal: AbortSignal): Promise<void> {
  const strangers = await findStrangers(fleet, look);
  const seen = new Set(strangers.map(({ providerId }) => providerId));
  for (const [providerId, stranger] of look.isWhole ? fleet.strangers : [])
    if (stranger.driver === driver.name && !seen.has(providerId)) fleet.strangers.delete(providerId);
  for (const instance of strangers) {
    const stranger = noteStranger(fleet, driver, instance, look.at);
    if (isDue(stranger, look.at)) await reap(fleet, driver, instance, stranger, signal);
  }
}

async function findStrangers(fleet: Fleet, { at, instances }: Look): Promise<Instance[]> {
  const strangers: Instance[] = [];
  for (const instance of instances) {
    if (instance.state === "ending" || isKnown(fleet, instance)) continue;
    if (fleet.strangers.has(instance.providerId) || !(await hasJustEnded(fleet, instance, at)))
      strangers.push(instance);
  }
  return strangers;
}

function isKnown(fleet: Fleet, { machineId, providerId }: Instance): boolean {
  const machine = fleet.state.machine(machineId);
  if (machine === undefined) return false;
  // A launch is under way, or its instance is yet to be found: this is it. Else there may be two for one machine.
  return machine.state === "requested" || machine.providerId === undefined || machine.providerId === providerId;
}

/** Tells whether a list shows an instance merely because it lags behind its end. */
async function hasJustEnded(fleet: Fleet, { machineId, providerId }: Instance, at: EpochMs): Promise<boolean> {
  const machine = await fleet.deps.store.machine(machineId);
  if (machine?.state !== "terminated" || machine.providerId !== providerId) return false;
  return at - machine.terminatedAt < STALE_MS;
}

function noteStranger(fleet: Fleet, driver: Driver, { providerId }: Instance, at: EpochMs): Stranger {
  const known = fleet.strangers.get(providerId);
  const stranger = known ? { ...known, lists: known.lists + 1 } : { driver: driver.name, since: at, lists: 1 };
  fleet.strangers.set(providerId, stranger);
  return stranger;
}

const isDue = ({ lists, since, reapedAt }: Stranger, at: EpochMs): boolean =>
  reapedAt === undefined ? lists >= 2 && at - since >= STRANGER_MS : at - reapedAt >= REAP_AGAIN_MS;

async function reap(
  fleet: Fleet,
  driver: Driver,
  { machineId, providerId, poolName }: Instance,
  stranger: Stranger,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger } = fleet.deps;
  const detail = `${providerId} bears our tag and no live record knows it, for ${Math.round((clock.now() - stranger.since) / 1000)} s`;
  try {
    await fleet.state.commit([eventOf(fleet, { machineId, poolName, what: "instance reaped", detail })]);
    await callDriver(fleet, driver.name, "terminate", signal, (_driver, bounded) =>
      driver.terminate([providerId], bounded),
    );
    fleet.strangers.set(providerId, { ...stranger, reapedAt: clock.now() });
    logger.warn({ machineId, poolName, providerId }, "reaped instance");
  } catch (error) {
    if (signal.aborted) throw error;
    logger.warn({ machineId, providerId, err: error }, "could not reap instance, will be tried again");
  }
}
