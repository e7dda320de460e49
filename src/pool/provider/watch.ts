import type { EpochMs } from "../../domain/ids.ts";
import type { LiveMachine, MachineIn } from "../../domain/machine.ts";
import type { DriverWatcher } from "../../ports/driver.ts";
import { aborted } from "../../ports/deadline.ts";
import { eventOf, nudge } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";
import { recordOrRetry } from "../state/record.ts";
import { retireMachine } from "../terminate.ts";

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
      if (machine === undefined) return keepNotice(fleet, providerId, { detail, takenAt });
      startInterruption(fleet, machine, { detail, takenAt });
    },
  };
  fleet.tasks.start("watch drivers", async (signal) => {
    const stops = [...fleet.deps.drivers.values()].flatMap((driver) => driver.watch?.(watcher) ?? []);
    await aborted(signal);
    for (const stop of stops) stop();
  });
}

/** A notice that came before the record of its machine. */
export interface EarlyNotice {
  readonly detail: string;
  readonly takenAt: EpochMs;
}

/** No launch is waited for so long after the instance it brought was to be taken. */
const KEPT_MS = 120_000;

function keepNotice({ earlyNotices, wallClock }: Fleet, providerId: string, notice: EarlyNotice): void {
  for (const [id, { takenAt }] of earlyNotices) if (takenAt + KEPT_MS < wallClock.now()) earlyNotices.delete(id);
  earlyNotices.set(providerId, notice);
}

/** Heeds the notice, if there was one, of an instance that is in the store now. */
export function heedEarlyNotice(fleet: Fleet, machine: MachineIn<"booting">): void {
  const notice = fleet.earlyNotices.get(machine.providerId);
  if (notice === undefined) return;
  fleet.earlyNotices.delete(machine.providerId);
  startInterruption(fleet, machine, notice);
}

const startInterruption = (fleet: Fleet, machine: LiveMachine, { detail, takenAt }: EarlyNotice): void =>
  fleet.tasks.start(`interrupt ${machine.id}`, () => interruptMachine(fleet, machine, detail, takenAt));

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
