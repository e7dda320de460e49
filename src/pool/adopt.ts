import { MachineError } from "../domain/errors.ts";
import type { Machine, MachineIn } from "../domain/machine.ts";
import type { DesiredPool } from "../domain/pool.ts";
import type { MachineKeys } from "../ports/guest.ts";
import { keepGuest, startBoot } from "./boot.ts";
import { withDeadline } from "./deadline.ts";
import { endLease } from "./expire.ts";
import { desiredPool, eventOf, nudge } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { retireMachine, startTermination } from "./terminate.ts";

/** How long an idle machine of an earlier run may take to answer again. */
const ADOPT_DEADLINE_MS = 60_000;

/**
 * Takes over what an earlier run of the manager left: idle machines are probed again and stay idle, boots go on, terminations
 * are finished, and machines whose job died with its manager are terminated. Call it once, before the first pass.
 */
export async function adoptFleet(fleet: Fleet): Promise<void> {
  await fleet.state.load();
  for (const machine of fleet.state.machines()) await adoptMachine(fleet, machine);
  for (const lease of fleet.state.leases())
    await endLease(fleet, lease.id, "machine-lost", "the manager was restarted");
}

async function adoptMachine(fleet: Fleet, machine: Machine): Promise<void> {
  const log = fleet.deps.logger.child({ machineId: machine.id, poolName: machine.poolName });
  log.info({ state: machine.state }, "found machine of an earlier run");
  switch (machine.state) {
    case "requested":
      return retireMachine(fleet, machine.id, "left-over", "the manager stopped while the launch was under way");
    case "leased":
      return retireMachine(fleet, machine.id, "left-over", "the manager was restarted under its job");
    case "terminating":
      return startTermination(fleet, machine.id);
    case "booting":
    case "idle":
      return resumeMachine(fleet, machine);
    case "terminated":
      return;
  }
}

async function resumeMachine(fleet: Fleet, machine: MachineIn<"booting"> | MachineIn<"idle">): Promise<void> {
  const pool = desiredPool(fleet, machine.poolName);
  const keys = await fleet.deps.store.keysOf(machine.id);
  if (pool === undefined || keys === undefined) {
    return retireMachine(fleet, machine.id, "left-over", pool === undefined ? "its pool is gone" : "its keys are gone");
  }
  if (machine.state === "booting") return startBoot(fleet, machine, keys, pool);
  fleet.tasks.start(`adopt ${machine.id}`, (signal) => reconnect(fleet, machine, keys, pool, signal));
}

async function reconnect(
  fleet: Fleet,
  machine: MachineIn<"idle">,
  keys: MachineKeys,
  pool: DesiredPool,
  signal: AbortSignal,
): Promise<void> {
  const { id: machineId, poolName } = machine;
  const late = new MachineError("boot-failed", `no answer within ${ADOPT_DEADLINE_MS / 1000} s of the restart`);
  try {
    const guest = await withDeadline(fleet.deps.clock, ADOPT_DEADLINE_MS, late, signal, (bounded) =>
      fleet.deps.guest.connect(machine.address, keys, pool.guest, bounded),
    );
    if (fleet.state.machine(machineId)?.state !== "idle") return guest.channel.close();
    keepGuest(fleet, machine, guest);
    await fleet.state.commit([
      eventOf(fleet, { machineId, poolName, what: "machine adopted", detail: "idle, ready again" }),
    ]);
    nudge(fleet);
  } catch (error) {
    if (!signal.aborted) await retireMachine(fleet, machineId, "left-over", String(error));
  }
}
