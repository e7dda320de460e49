import type { EpochMs } from "../domain/ids.ts";
import type { LiveMachine } from "../domain/machine.ts";
import type { DriverWatcher } from "../ports/driver.ts";
import { aborted } from "../ports/deadline.ts";
import { eventOf, nudge } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { recordOrRetry } from "./record.ts";
import { retireMachine } from "./terminate.ts";

/** How long before its provider takes a machine back its lease ends, so that its job is told by us and in time. */
const INTERRUPTION_LEAD_MS = 20_000;

/** Listens to what the providers tell by themselves, until the fleet's tasks end. */
export function watchDrivers(fleet: Fleet): void {
  const watcher: DriverWatcher = {
    onGone(providerId, detail) {
      const machine = machineOf(fleet, providerId);
      if (machine === undefined) return;
      fleet.tasks.start(`gone ${machine.id}`, () => retireMachine(fleet, machine.id, "instance-gone", detail));
    },
    onInterruption(providerId, detail, takenAt) {
      const machine = machineOf(fleet, providerId);
      if (machine === undefined) return;
      fleet.tasks.start(`interrupt ${machine.id}`, () => interruptMachine(fleet, machine, detail, takenAt));
    },
  };
  fleet.tasks.start("watch drivers", async (signal) => {
    const stops = [...fleet.deps.drivers.values()].flatMap((driver) => driver.watch?.(watcher) ?? []);
    await aborted(signal);
    for (const stop of stops) stop();
  });
}

const machineOf = (fleet: Fleet, providerId: string): LiveMachine | undefined =>
  fleet.state.machines().find((machine) => "providerId" in machine && machine.providerId === providerId);

/**
 * Lets go of a machine that its provider will take back; a leased one goes on for as long as may be, and is lost then. The
 * provider may tell it in more than one way: the first counts.
 */
export async function interruptMachine(
  fleet: Fleet,
  { id }: LiveMachine,
  detail: string,
  takenAt: EpochMs,
): Promise<void> {
  await retireMachine(fleet, id, "interrupted", detail, ({ state }) => state !== "leased");
  const cordon = async (): Promise<boolean> => {
    const machine = fleet.state.machine(id);
    if (machine?.state !== "leased" || fleet.interruptions.has(id)) return false;
    const { poolName, leaseId } = machine;
    await fleet.state.commit([
      { kind: "machine-moved", machine: { ...machine, isCordoned: true }, from: "leased" },
      eventOf(fleet, { machineId: id, poolName, leaseId, what: "interruption announced", detail }),
    ]);
    return true;
  };
  await recordOrRetry(fleet, `cordon ${id}`, cordon, (isLeased) => {
    if (!isLeased) return;
    const leftMs = takenAt - fleet.wallClock.now() - INTERRUPTION_LEAD_MS;
    fleet.interruptions.set(id, { endsAt: fleet.deps.clock.now() + leftMs, detail });
    nudge(fleet);
  });
}

/** Ends the leases on machines that are about to be taken back. */
export async function endInterrupted(fleet: Fleet): Promise<void> {
  const now = fleet.deps.clock.now();
  for (const [id, { endsAt, detail }] of fleet.interruptions)
    if (endsAt <= now) await retireMachine(fleet, id, "interrupted", detail);
}
