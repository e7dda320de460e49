import { CapacityError, MachineError, SystemError } from "../domain/errors.ts";
import { machineIdFrom } from "../domain/ids.ts";
import type { MachineIn } from "../domain/machine.ts";
import { bootingFrom } from "../domain/moves.ts";
import type { DesiredPool } from "../domain/pool.ts";
import { LEASE_OVERTIME_MS } from "../planning/retire.ts";
import type { Instance } from "../ports/driver.ts";
import type { MachineKeys, MachineLimits } from "../ports/guest.ts";
import { startBoot } from "./boot.ts";
import { withDeadline } from "./deadline.ts";
import { driverOf, eventOf, nudge } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { launchTask } from "./tasks.ts";
import { retireMachine } from "./terminate.ts";

/** How long a provider may take to accept one launch. */
const LAUNCH_DEADLINE_MS = 120_000;
/** Pause of a pool's launches after the first refusal; doubles with each further one up to the bound. */
const REFUSAL_PAUSE_MS = 5_000;
const REFUSAL_PAUSE_MAX_MS = 60_000;

/** Records the intent to launch machines, in one commit, and starts the launches. Call it inside `decide`. */
export async function launchMachines(fleet: Fleet, pool: DesiredPool, count: number): Promise<void> {
  const { clock, random, guest } = fleet.deps;
  const intents = Array.from({ length: count }, () => {
    const machine: MachineIn<"requested"> = {
      id: machineIdFrom(random.id("m")),
      poolName: pool.name,
      driver: pool.shape.driver,
      launchToken: random.id("t"),
      requestedAt: clock.now(),
      isCordoned: false,
      guestSettings: pool.guest,
      state: "requested",
    };
    return { machine, keys: guest.createKeys(machine.id) };
  });
  await fleet.state.commit(
    intents.flatMap(({ machine, keys }) => [
      { kind: "machine-added", machine, keys },
      eventOf(fleet, {
        machineId: machine.id,
        poolName: pool.name,
        what: "launch requested",
        detail: whyOf(fleet, pool),
      }),
    ]),
  );
  for (const { machine, keys } of intents) startLaunch(fleet, pool, machine, keys);
}

function startLaunch(fleet: Fleet, pool: DesiredPool, machine: MachineIn<"requested">, keys: MachineKeys): void {
  fleet.tasks.start(launchTask(machine.id), (signal) => launchMachine(fleet, pool, machine, keys, signal));
}

/** Asks again, with the same token, for a machine that an earlier run of the manager asked for. */
export async function resumeLaunch(
  fleet: Fleet,
  pool: DesiredPool,
  machine: MachineIn<"requested">,
  keys: MachineKeys,
): Promise<void> {
  const { id: machineId, poolName } = machine;
  const detail = "its answer was not in the store when the manager came back";
  await fleet.state.commit([eventOf(fleet, { machineId, poolName, what: "launch resumed", detail })]);
  startLaunch(fleet, pool, machine, keys);
}

/** A machine lives at the longest through a slow boot, a long wait, and a job with all its overtime. */
const limitsFrom = ({ orphanTimeoutMs, bootTimeoutMs, maxAgeMs, jobTimeoutMs }: DesiredPool): MachineLimits => ({
  orphanTimeoutMs,
  lifetimeMs: bootTimeoutMs + maxAgeMs + jobTimeoutMs + LEASE_OVERTIME_MS,
});

const whyOf = (fleet: Fleet, pool: DesiredPool): string => {
  const waiting = fleet.state.leases(pool.name).filter((lease) => lease.state === "waiting").length;
  return waiting > 0 ? `${waiting} waiting for a machine` : `idle_count ${pool.idleCount} is not met`;
};

async function launchMachine(
  fleet: Fleet,
  pool: DesiredPool,
  machine: MachineIn<"requested">,
  keys: MachineKeys,
  signal: AbortSignal,
): Promise<void> {
  const late = new MachineError("launch-timeout", `no answer to the launch within ${LAUNCH_DEADLINE_MS / 1000} s`);
  try {
    const seed = await fleet.deps.guest.seedFrom(machine.id, keys, pool.guest, limitsFrom(pool));
    const spec = { machineId: machine.id, poolName: pool.name, shape: pool.shape, seed };
    const instance = await withDeadline(fleet.deps.clock, LAUNCH_DEADLINE_MS, late, signal, (bounded) =>
      driverOf(fleet, machine.driver).launch(spec, machine.launchToken, bounded),
    );
    await noteLaunched(fleet, machine, keys, pool, instance);
  } catch (error) {
    // It was retired, and its termination takes over; or the manager ends, and the next one asks again.
    if (signal.aborted) return;
    await noteRefused(fleet, machine, error);
  }
}

async function noteLaunched(
  fleet: Fleet,
  machine: MachineIn<"requested">,
  keys: MachineKeys,
  pool: DesiredPool,
  instance: Instance,
): Promise<void> {
  const booting = bootingFrom(machine, instance.providerId, instance.launchedAt);
  const isWanted = await fleet.decide(async () => {
    if (fleet.state.machine(machine.id)?.state !== "requested") return false;
    await fleet.state.commit([
      { kind: "machine-moved", machine: booting, from: "requested" },
      eventOf(fleet, {
        machineId: machine.id,
        poolName: pool.name,
        what: "machine launched",
        detail: instance.providerId,
      }),
    ]);
    Object.assign(fleet.state.notes(pool.name), { refusals: 0, launchProblem: "", launchesPausedUntil: 0 });
    return true;
  });
  // A machine that was retired in the meantime is found by its tag and ended by its termination, which waits for this task.
  if (!isWanted) return;
  fleet.deps.logger.info(
    { machineId: machine.id, poolName: pool.name, providerId: instance.providerId },
    "launched machine",
  );
  startBoot(fleet, booting, keys, machine.guestSettings ?? pool.guest, instance.address);
}

async function noteRefused(fleet: Fleet, machine: MachineIn<"requested">, error: unknown): Promise<void> {
  const notes = fleet.state.notes(machine.poolName);
  const text = error instanceof Error ? error.message : String(error);
  notes.refusals += 1;
  notes.launchProblem = text;
  const pauseMs = Math.min(REFUSAL_PAUSE_MAX_MS, REFUSAL_PAUSE_MS * 2 ** (notes.refusals - 1));
  notes.launchesPausedUntil = fleet.deps.clock.now() + pauseMs;
  const level = error instanceof CapacityError ? "info" : error instanceof SystemError ? "warn" : "error";
  fleet.deps.logger[level](
    { machineId: machine.id, poolName: machine.poolName, problem: text, pauseMs },
    "launch refused",
  );
  await retireMachine(fleet, machine.id, "launch-failed", text);
  nudge(fleet);
}
