import { MachineError } from "../../domain/errors.ts";
import type { MachineId } from "../../domain/ids.ts";
import type { Address, LiveMachine, MachineIn, RetireReason } from "../../domain/machine.ts";
import { idleFrom } from "../../domain/moves.ts";
import type { GuestSettings } from "../../domain/pool.ts";
import type { Instance } from "../../ports/driver.ts";
import type { KnownKeys, MachineKeys, ReadyGuest } from "../../ports/guest.ts";
import { aborted } from "../../ports/deadline.ts";
import { eventOf, lookKey, lookSoon, nudge } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";
import { listenForNotices } from "../health/notices.ts";
import { recordFact } from "../state/record.ts";
import { bootTask } from "../tasks.ts";
import { retireMachine } from "../terminate.ts";

/** A machine on its way to idle. */
export type ComingUp = MachineIn<"booting"> | MachineIn<"starting">;

/** Starts bringing a launched machine to idle. The loop's boot_timeout bounds it, counted from the launch. */
export function startBoot(
  fleet: Fleet,
  machine: MachineIn<"booting">,
  keys: MachineKeys,
  settings: GuestSettings,
  known?: Address,
): void {
  fleet.tasks.start(bootTask(machine.id), (signal) => bringUp(fleet, machine, keys, settings, known, signal));
}

/** Brings a machine to idle that its provider runs, or retires it. Rejects only when the signal aborts. */
export async function bringUp(
  fleet: Fleet,
  machine: ComingUp,
  keys: MachineKeys,
  settings: GuestSettings,
  known: Address | undefined,
  signal: AbortSignal,
): Promise<void> {
  try {
    const address = known ?? (await findAddress(fleet, machine, signal));
    // What was restored and then stopped comes up by a boot.
    const origin = machine.state === "booting" ? machine.origin : undefined;
    const guest = await fleet.deps.guest.connect(address, acceptedKeys(machine, keys), { ...settings, origin }, signal);
    try {
      await sealSeed(fleet, machine, guest, signal);
      await noteReady(fleet, machine, address, guest, signal);
    } catch (error) {
      guest.channel.close();
      throw error;
    }
  } catch (error) {
    if (signal.aborted) return;
    const text = error instanceof Error ? error.message : String(error);
    await retireMachine(fleet, machine.id, reasonFrom(error), text, ({ state }) => state === machine.state);
  }
}

const reasonFrom = (error: unknown): RetireReason =>
  error instanceof MachineError && error.code === "host-key-changed" ? "host-key-changed" : "boot-failed";

/** Waits until a list of the provider tells the address: one list serves all that wait. */
async function findAddress(fleet: Fleet, machine: ComingUp, signal: AbortSignal): Promise<Address> {
  for (;;) {
    signal.throwIfAborted();
    const { address, state } = lookedAt(fleet, machine) ?? {};
    // A list that lags shows a machine that was started as it was before, with an address that is no longer its own.
    const isShown = machine.state === "booting" || state === "running" || state === "pending";
    if (address !== undefined && isShown) return address;
    lookSoon(fleet, machine.driver);
    await fleet.changes.next([lookKey(machine.driver)], signal);
  }
}

/**
 * The host keys that a machine may show: the one that it made itself, once there is one; while it boots the one that was
 * handed in as well, since nobody knows how far an earlier run of the manager came.
 */
export function acceptedKeys(machine: LiveMachine, keys: MachineKeys): KnownKeys {
  if (machine.hostKey === undefined) return keys;
  const handedIn = machine.state === "booting" ? [keys.host.publicKey] : [];
  return { ...keys, hostKeys: [machine.hostKey, ...handedIn] };
}

/** Before any job comes near it: where others can read the seed, what it held becomes worthless. */
async function sealSeed(
  fleet: Fleet,
  { id: machineId, driver: name, poolName, state, launchedWith, providerId }: ComingUp,
  guest: ReadyGuest,
  signal: AbortSignal,
): Promise<void> {
  const driver = fleet.deps.drivers.get(name);
  if (driver?.capabilities.showsSeed !== true) return;
  // Its own key is on its disk, and pinned.
  if (state === "starting") return fleet.deps.guest.sealAgain(guest, signal);
  const keep = (hostKey: string): Promise<void> =>
    recordFact(
      fleet,
      signal,
      async () => {
        const found = fleet.state.machine(machineId);
        // It was retired meanwhile: nobody will reach it again.
        if (found?.state !== "booting") return;
        const event = eventOf(fleet, {
          machineId,
          poolName,
          what: "host key rotated",
          detail: "after the first contact",
        });
        await fleet.state.commit([{ kind: "machine-moved", machine: { ...found, hostKey }, from: "booting" }, event]);
      },
      poolName,
    );
  const instanceName = launchedWith === undefined ? undefined : driver.together?.nameOf(providerId);
  const claim = instanceName === undefined ? undefined : { machineId, instanceName };
  await fleet.deps.guest.seal(guest, claim, keep, signal);
}

/** What the last list of the provider says of a machine. */
const lookedAt = (fleet: Fleet, { driver, providerId }: ComingUp): Instance | undefined =>
  fleet.looks.get(driver)?.instances.find((instance) => instance.providerId === providerId);

async function noteReady(
  fleet: Fleet,
  machine: ComingUp,
  address: Address,
  guest: ReadyGuest,
  signal: AbortSignal,
): Promise<void> {
  const now = fleet.deps.clock.now();
  const [since, what] =
    machine.state === "booting" ? [machine.launchedAt, "launch"] : [machine.startingSince, "its start"];
  const bootMs = now - since;
  const { runningSince } = lookedAt(fleet, machine) ?? {};
  const isWanted = await recordFact(
    fleet,
    signal,
    async () => {
      const found = fleet.state.machine(machine.id);
      if (found?.state !== "booting" && found?.state !== "starting") return false;
      await fleet.state.commit([
        { kind: "machine-moved", machine: idleFrom(found, address, now, runningSince), from: found.state },
        eventOf(fleet, {
          machineId: machine.id,
          poolName: machine.poolName,
          what: "machine ready",
          detail: `${(bootMs / 1000).toFixed(1)} s after ${what}, at ${address.host}:${address.port}`,
        }),
      ]);
      keepGuest(fleet, machine.id, guest);
      return true;
    },
    machine.poolName,
  );
  if (!isWanted) return guest.channel.close();
  fleet.deps.logger.info({ machineId: machine.id, poolName: machine.poolName, bootMs }, "machine is ready");
  nudge(fleet);
}

/** Registers the channel of a ready machine, and retires the machine when the channel ends first. */
export function keepGuest(fleet: Fleet, id: MachineId, guest: ReadyGuest): void {
  fleet.guests.add(id, guest);
  if (fleet.state.machine(id)?.state === "idle") fleet.deps.onIdle?.(guest.channel);
  fleet.changes.notify(id);
  listenForNotices(fleet, id, guest);
  fleet.tasks.start(`watch channel ${id}`, async (signal) => {
    const why = await Promise.race([guest.channel.closed, aborted(signal)]);
    if (why !== undefined && fleet.guests.get(id) !== undefined) await retireMachine(fleet, id, "channel-lost", why);
  });
}
