import { MachineError } from "../domain/errors.ts";
import type { LeaseId, MachineId } from "../domain/ids.ts";
import type { LiveMachine, MachineIn, RetireReason } from "../domain/machine.ts";
import type { GuestSettings } from "../domain/pool.ts";
import type { MachineKeys, ReadyGuest } from "../ports/guest.ts";
import { acceptedKeys, keepGuest, startBoot } from "./launch/boot.ts";
import { withDeadline } from "../ports/deadline.ts";
import { endLease } from "./leases/expire.ts";
import { desiredPool, eventOf, guestSettingsOf, nudge } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import type { LaunchIntent } from "./launch/intent.ts";
import { resumeLaunch } from "./launch/launch.ts";
import { resumeTogether } from "./launch/launchTogether.ts";
import { startStart } from "./power/start.ts";
import { startStop } from "./power/stop.ts";
import { adoptTask } from "./tasks.ts";
import { retireMachine, startTermination } from "./terminate.ts";
import { watchDrivers } from "./provider/watch.ts";

/** How long a machine of an earlier run may take to answer again: a leased one has a job to lose. */
const ADOPT_DEADLINE_MS = { idle: 60_000, leased: 180_000 } as const;
/** Pause between two tries to reach it. */
const RECONNECT_PAUSE_MS = 5_000;

/**
 * Takes over what an earlier run of the manager left, and begins to watch the providers. Launches are resumed with their
 * tokens, boots go on, idle machines stay idle, leased ones stay with their leases, stops, starts and terminations are finished;
 * all but the first two in the background. Call it once, before the first pass.
 */
export async function adoptFleet(fleet: Fleet): Promise<void> {
  const { clock, logger, store } = fleet.deps;
  await fleet.state.load(clock.now());
  fleet.hasPast = (await store.recentMachines(1)).length > 0;
  fleet.watchedSince = clock.now();
  watchDrivers(fleet);
  const together: LaunchIntent[] = [];
  for (const machine of fleet.state.machines()) {
    const { id: machineId, poolName, state } = machine;
    logger.info({ machineId, poolName, state }, "found machine of an earlier run");
    await adoptMachine(fleet, machine, together);
  }
  for (const call of Map.groupBy(together, ({ machine }) => machine.launchToken).values()) {
    const pool = desiredPool(fleet, call[0]?.machine.poolName ?? "");
    if (pool !== undefined) await resumeTogether(fleet, pool, call);
  }
  for (const lease of fleet.state.leases()) {
    // One commit gives a machine and takes it away: this is for a store that somebody restored or mended by hand.
    if (lease.state === "held" && !isHeldBy(fleet, lease.machineId, lease.id))
      await endLease(fleet, lease.id, "machine-lost", `machine ${lease.machineId} is not leased to it`);
  }
}

function isHeldBy(fleet: Fleet, id: MachineId, leaseId: LeaseId): boolean {
  const machine = fleet.state.machine(id);
  return machine?.state === "leased" && machine.leaseId === leaseId;
}

/** @param together takes the launches that are to be resumed with others. */
async function adoptMachine(fleet: Fleet, machine: LiveMachine, together: LaunchIntent[]): Promise<void> {
  const giveUp = (reason: RetireReason, detail: string): Promise<void> =>
    retireMachine(fleet, machine.id, reason, detail);
  if (machine.state === "terminating") return startTermination(fleet, machine.id);
  if (machine.state === "leased" && fleet.state.lease(machine.leaseId) === undefined) {
    return giveUp("left-over", `its lease ${machine.leaseId} is not open`);
  }
  const pool = desiredPool(fleet, machine.poolName);
  if (pool === undefined && machine.state !== "leased") {
    return giveUp("pool-removed", `pool ${machine.poolName} is not in the configuration`);
  }
  const keys = await fleet.deps.store.keysOf(machine.id);
  const settings = guestSettingsOf(fleet, machine);
  if (keys === undefined || settings === undefined) {
    return giveUp("left-over", keys === undefined ? "its keys are gone" : "nothing tells how to reach it");
  }
  if (machine.state === "booting") return startBoot(fleet, machine, keys, settings);
  if (machine.state === "stopping") return startStop(fleet, machine);
  if (machine.state === "starting") return startStart(fleet, machine);
  if (machine.state === "stopped") return;
  if (machine.state !== "requested") {
    fleet.tasks.start(adoptTask(machine.id), (signal) => reconnect(fleet, machine, keys, settings, signal));
    return;
  }
  if (pool?.shape.driver !== machine.driver) return giveUp("pool-changed", `its pool left driver ${machine.driver}`);
  if (machine.launchedWith !== undefined) return void together.push({ machine, keys });
  return resumeLaunch(fleet, pool, { machine, keys });
}

type ReadyMachine = MachineIn<"idle"> | MachineIn<"leased">;

async function reconnect(
  fleet: Fleet,
  machine: ReadyMachine,
  keys: MachineKeys,
  settings: GuestSettings,
  signal: AbortSignal,
): Promise<void> {
  const { id: machineId, poolName, state } = machine;
  const deadlineMs = ADOPT_DEADLINE_MS[state];
  const late = (): MachineError =>
    new MachineError("unreachable", `no answer within ${deadlineMs / 1000} s of the manager's restart`);
  try {
    const guest = await withDeadline(fleet.deps.clock, deadlineMs, late, signal, (bounded) =>
      tryToReach(fleet, machine, keys, settings, bounded),
    );
    // A lease may have been given up in the meantime; a machine on its way out is not to be kept.
    if (!isStill(fleet, machineId, machine.state)) return guest.channel.close();
    keepGuest(fleet, machineId, guest);
    await fleet.state.commit([
      eventOf(fleet, { machineId, poolName, what: "machine adopted", detail: `${state}, reached again` }),
    ]);
    nudge(fleet);
  } catch (error) {
    if (signal.aborted) return;
    const text = error instanceof Error ? error.message : String(error);
    await retireMachine(fleet, machineId, reasonFrom(error), text, () => fleet.guests.get(machineId) === undefined);
  }
}

/** Connects, more than once: a job may be busy with the engine, and what answered a moment ago answers again. */
async function tryToReach(
  fleet: Fleet,
  machine: ReadyMachine,
  keys: MachineKeys,
  settings: GuestSettings,
  signal: AbortSignal,
): Promise<ReadyGuest> {
  const { address } = machine;
  for (;;) {
    try {
      return await fleet.deps.guest.connect(address, acceptedKeys(machine, keys), settings, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isOtherHost(error)) throw error;
      fleet.deps.logger.debug({ address, err: error }, "could not reach machine of an earlier run yet");
    }
    await fleet.deps.clock.sleep(RECONNECT_PAUSE_MS, signal);
  }
}

const isOtherHost = (error: unknown): boolean => error instanceof MachineError && error.code === "host-key-changed";
const reasonFrom = (error: unknown): RetireReason => (isOtherHost(error) ? "host-key-changed" : "channel-lost");
const isStill = (fleet: Fleet, id: MachineId, state: LiveMachine["state"]): boolean =>
  fleet.state.machine(id)?.state === state;
