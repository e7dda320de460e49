import type { MachineId } from "../domain/ids.ts";
import type { Address } from "../domain/machine.ts";
import type { GuestSettings } from "../domain/pool.ts";
import type { Channel } from "./channel.ts";
import type { Seed } from "./driver.ts";
import type { Engine } from "./engine.ts";

/** An ed25519 pair in OpenSSH's formats. */
export interface KeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
}

/** The keys of one machine, made before its launch and used by no other. Secret. */
export interface MachineKeys {
  readonly host: KeyPair;
  /** The manager's own, for this machine alone. */
  readonly client: KeyPair;
}

/** A machine that passed its probes. */
export interface ReadyGuest {
  readonly channel: Channel;
  readonly engine: Engine;
}

/** How a machine is told who it is, reached, and found ready. */
export interface Guest {
  createKeys(machineId: MachineId): MachineKeys;
  /** Renders what the machine is told at first boot. */
  seedFrom(machineId: MachineId, keys: MachineKeys, settings: GuestSettings): Promise<Seed>;
  /**
   * Connects, retrying while the machine comes up, until it is ready: logged in, `sudo -n true` works, the engine answers.
   * @throws MachineError `host-key-changed` at once when another host key is shown, before anything was sent; `boot-failed`
   * when a probe can never pass; the signal's reason when it aborts (the caller's boot timeout).
   */
  connect(address: Address, keys: MachineKeys, settings: GuestSettings, signal: AbortSignal): Promise<ReadyGuest>;
}
