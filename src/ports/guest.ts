import type { EpochMs, MachineId } from "../domain/ids.ts";
import type { Address, MachineOrigin } from "../domain/machine.ts";
import type { GuestSettings } from "../domain/pool.ts";
import type { Channel } from "./channel.ts";
import type { Seed } from "./seed.ts";
import type { Engine } from "./engine.ts";

/** An ed25519 pair in OpenSSH's formats. */
export interface KeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
}

/** The keys of one machine, made before its launch and used by no other but those that were launched with it. Secret. */
export interface MachineKeys {
  readonly host: KeyPair;
  /** The manager's own, for this machine alone. */
  readonly client: KeyPair;
}

/** Keys of a machine that may have made itself another host key since. */
export interface KnownKeys extends MachineKeys {
  /** Public host keys that are accepted, and no other. @default the one that was handed in */
  readonly hostKeys?: readonly string[] | undefined;
}

/** Which of the machines that were told the same one of them is to be from now on. */
export interface MachineClaim {
  readonly machineId: MachineId;
  /** What the instance calls itself: told by the machine, never to it. */
  readonly instanceName: string;
}

/** A machine that passed its probes. */
export interface ReadyGuest {
  readonly channel: Channel;
  readonly engine: Engine;
}

/** What a provider tells a machine from inside of its own end. */
export interface MachineNotice {
  /** An `interruption` is going to come; a `rebalance` is advised because one may. */
  readonly kind: "interruption" | "rebalance";
  /** Of an interruption, when the machine is taken; of advice, when it was given. Absent when it was not said. */
  readonly at?: EpochMs | undefined;
}

/** When a machine ends itself, whatever became of its manager. In milliseconds. */
export interface MachineLimits {
  /** Powers off when `probe` has not been called for so long, ≥ 60,000. */
  readonly orphanTimeoutMs: number;
  /** Powers off when it is this old, ≥ 60,000. */
  readonly lifetimeMs: number;
}

/** What is known of a machine that is connected to. */
export interface ReachSettings extends GuestSettings {
  /** How it came up a moment ago. @default nobody knows */
  readonly origin?: MachineOrigin | undefined;
}

/** What machines are told of at their first boot. */
export interface SeedSettings extends GuestSettings {
  /** Images that a machine has which is a copy of one that has booted, as far as they could be had. @default none */
  readonly preload?: readonly string[] | undefined;
}

/** How a machine is told who it is, reached, and found ready. */
export interface Guest {
  /** @param name what the keys are known by: a machine's id, or a token of several that share them. */
  createKeys(name: string): MachineKeys;
  /** Renders what a machine is told at first boot, or the same to several. @param machineIds at least one. */
  seedFrom(
    machineIds: readonly MachineId[],
    keys: MachineKeys,
    settings: SeedSettings,
    limits: MachineLimits,
  ): Promise<Seed>;
  /**
   * Connects, retrying while the machine comes up, until it is ready: logged in, `sudo -n true` works, the dead-man's switch is
   * armed and set back, the engine answers. A machine that was just restored has armed its switch before it let anybody in, and its
   * account's rights are those of the one that it is a copy of: only its engine is asked.
   * @throws MachineError `host-key-changed` at once when another host key is shown, before anything was sent; `boot-failed`
   * or `switch-failed` when a probe can never pass; the signal's reason when it aborts (the caller's boot timeout).
   */
  connect(address: Address, keys: KnownKeys, settings: ReachSettings, signal: AbortSignal): Promise<ReadyGuest>;
  /**
   * Makes what the seed held worthless for whoever can read it: the machine makes itself a new host key and closes its
   * metadata service. For a machine that no job has touched. The connection stays.
   * @param claim of a machine that was told the same as others: it has to be the instance that it is taken for, and becomes that
   * machine, once and for all.
   * @param keep is told the new public key before the machine shows it to anybody; resolves once it is stored.
   * @throws MachineError `seal-failed`; MachineLostError when the channel is gone; the signal's reason when it aborts.
   */
  seal(
    guest: ReadyGuest,
    claim: MachineClaim | undefined,
    keep: (publicKey: string) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Closes the metadata service of a sealed machine again, which a start opened. Throws as `seal` does. */
  sealAgain(guest: ReadyGuest, signal: AbortSignal): Promise<void>;
  /**
   * Has a machine write to its disk what it holds in memory, so that it can be stopped in whatever way.
   * @throws MachineError `settle-failed`; MachineLostError when the channel is gone; the signal's reason when it aborts.
   */
  settle(guest: ReadyGuest, signal: AbortSignal): Promise<void>;
  /**
   * Listens on a machine, which may be sealed, to what its provider tells it of its end; each thing is told once. Resolves when
   * the signal aborts, when the channel is gone, or when the machine cannot be asked.
   */
  watchNotices(guest: ReadyGuest, onNotice: (notice: MachineNotice) => void, signal: AbortSignal): Promise<void>;
  /**
   * Tells a machine over its kept channel that its manager lives, which sets its dead-man's switch back, and asks its engine.
   * @throws MachineError `engine-lost` when the engine does not answer, `switch-failed` when only the switch does not (the
   * machine is going to power itself off), MachineLostError when the channel is gone, the signal's reason when it aborts (the
   * caller's deadline).
   */
  probe(guest: ReadyGuest, signal: AbortSignal): Promise<void>;
}
