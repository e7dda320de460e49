import { MachineError } from "../domain/errors.ts";
import type { MachineId } from "../domain/ids.ts";
import type { Address, MachineIn, RetireReason } from "../domain/machine.ts";
import { idleFrom } from "../domain/moves.ts";
import type { GuestSettings } from "../domain/pool.ts";
import type { MachineKeys, ReadyGuest } from "../ports/guest.ts";
import { aborted } from "./deadline.ts";
import { driverOf, eventOf, nudge } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { bootTask } from "./tasks.ts";
import { retireMachine } from "./terminate.ts";

/** Pause between two looks for the address of an instance that has none yet. */
const ADDRESS_POLL_MS = 1_000;

/** Starts bringing a launched machine to idle. The loop's boot_timeout bounds it, counted from the launch. */
export function startBoot(
  fleet: Fleet,
  machine: MachineIn<"booting">,
  keys: MachineKeys,
  settings: GuestSettings,
  known?: Address,
): void {
  fleet.tasks.start(bootTask(machine.id), (signal) => bootMachine(fleet, machine, keys, settings, known, signal));
}

async function bootMachine(
  fleet: Fleet,
  machine: MachineIn<"booting">,
  keys: MachineKeys,
  settings: GuestSettings,
  known: Address | undefined,
  signal: AbortSignal,
): Promise<void> {
  try {
    const address = known ?? (await findAddress(fleet, machine, signal));
    const guest = await fleet.deps.guest.connect(address, keys, settings, signal);
    await noteReady(fleet, machine, address, guest);
  } catch (error) {
    if (signal.aborted) return;
    const text = error instanceof Error ? error.message : String(error);
    await retireMachine(fleet, machine.id, reasonFrom(error), text);
  }
}

const reasonFrom = (error: unknown): RetireReason =>
  error instanceof MachineError && error.code === "host-key-changed" ? "host-key-changed" : "boot-failed";

async function findAddress(fleet: Fleet, machine: MachineIn<"booting">, signal: AbortSignal): Promise<Address> {
  for (;;) {
    const instances = await driverOf(fleet, machine.driver).list(signal);
    const address = instances.find((instance) => instance.providerId === machine.providerId)?.address;
    if (address !== undefined) return address;
    await fleet.deps.clock.sleep(ADDRESS_POLL_MS, signal);
  }
}

async function noteReady(
  fleet: Fleet,
  machine: MachineIn<"booting">,
  address: Address,
  guest: ReadyGuest,
): Promise<void> {
  const now = fleet.deps.clock.now();
  const bootMs = now - machine.launchedAt;
  const isWanted = await fleet.decide(async () => {
    if (fleet.state.machine(machine.id)?.state !== "booting") return false;
    await fleet.state.commit([
      { kind: "machine-moved", machine: idleFrom(machine, address, now), from: "booting" },
      eventOf(fleet, {
        machineId: machine.id,
        poolName: machine.poolName,
        what: "machine ready",
        detail: `${(bootMs / 1000).toFixed(1)} s after launch, at ${address.host}:${address.port}`,
      }),
    ]);
    keepGuest(fleet, machine.id, guest);
    return true;
  });
  if (!isWanted) return guest.channel.close();
  fleet.deps.logger.info({ machineId: machine.id, poolName: machine.poolName, bootMs }, "machine is ready");
  nudge(fleet);
}

/** Registers the channel of a ready machine, and retires the machine when the channel ends first. */
export function keepGuest(fleet: Fleet, id: MachineId, guest: ReadyGuest): void {
  fleet.guests.add(id, guest);
  fleet.changes.notify(id);
  fleet.tasks.start(`watch channel ${id}`, async (signal) => {
    const why = await Promise.race([guest.channel.closed, aborted(signal)]);
    if (why !== undefined && fleet.guests.get(id) !== undefined) await retireMachine(fleet, id, "channel-lost", why);
  });
}
