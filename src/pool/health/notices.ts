import type { MachineId } from "../../domain/ids.ts";
import type { MachineNotice, ReadyGuest } from "../../ports/guest.ts";
import { desiredPool, eventOf } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";
import { recordOrRetry } from "../state/record.ts";
import { retireMachine } from "../terminate.ts";
import { interruptMachine } from "../provider/watch.ts";

/** From the notice to the end, for a notice that does not say. Source: EC2 user guide, "Spot Instance interruption notices". */
const NOTICE_MS = 120_000;

/** Listens to what a machine itself is told of its end, for as long as its channel is kept. */
export function listenForNotices(fleet: Fleet, id: MachineId, guest: ReadyGuest): void {
  const machine = fleet.state.machine(id);
  const shape = machine === undefined ? undefined : desiredPool(fleet, machine.poolName)?.shape;
  if (machine === undefined || shape === undefined) return;
  if (fleet.deps.drivers.get(machine.driver)?.capabilities.givesNotices?.(shape) !== true) return;
  fleet.tasks.start(`notices of ${id}`, async (signal) => {
    const heard: Promise<void>[] = [];
    const hear = (notice: MachineNotice): void => void heard.push(heed(fleet, id, notice));
    try {
      await fleet.deps.guest.watchNotices(guest, hear, signal);
    } catch (err) {
      // The provider tells of interruptions by itself as well; this was only the quicker way.
      if (!signal.aborted) fleet.deps.logger.debug({ machineId: id, err }, "cannot hear notices on the machine");
    }
    await Promise.all(heard);
  });
}

async function heed(fleet: Fleet, id: MachineId, { kind, at }: MachineNotice): Promise<void> {
  const machine = fleet.state.machine(id);
  if (machine === undefined) return;
  const takenAt = at ?? fleet.wallClock.now() + NOTICE_MS;
  if (kind === "interruption") await interruptMachine(fleet, machine, "EC2 takes the spot instance back", takenAt);
  else await heedRecommendation(fleet, id);
}

/** A recommendation is no end: a machine without a job makes room for a better one, a job is left to its work. */
async function heedRecommendation(fleet: Fleet, id: MachineId): Promise<void> {
  const detail = "EC2 recommends to rebalance: the spot instance may be taken back soon";
  await retireMachine(fleet, id, "rebalance-recommended", detail, ({ state }) => state === "idle");
  const note = async (): Promise<void> => {
    const machine = fleet.state.machine(id);
    if (machine?.state !== "leased") return;
    const { poolName, leaseId } = machine;
    await fleet.state.commit([
      eventOf(fleet, {
        machineId: id,
        poolName,
        leaseId,
        what: "rebalance recommended",
        detail: `${detail}; its job goes on`,
      }),
    ]);
  };
  await recordOrRetry(fleet, `note recommendation ${id}`, note, () => undefined);
}
