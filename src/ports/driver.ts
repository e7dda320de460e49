import type { Offering } from "../domain/cost.ts";
import { TransientError } from "../domain/errors.ts";
import type { EpochMs, MachineId } from "../domain/ids.ts";
import type { Address, MachineOrigin } from "../domain/machine.ts";
import type { MachineShape } from "../domain/shape.ts";
import type { Seed } from "./seed.ts";

/** One machine to launch. */
export interface LaunchSpec {
  readonly machineId: MachineId;
  readonly poolName: string;
  readonly shape: MachineShape;
  readonly seed: Seed;
}

/** Several machines to launch by one call. All are told the same, so nothing in it may be of one of them alone. */
export interface SharedLaunchSpec {
  /** At least two, at most as many as the driver launches together. */
  readonly machineIds: readonly MachineId[];
  readonly poolName: string;
  readonly shape: MachineShape;
  readonly seed: Seed;
}

/** What such a call came to. */
export interface SharedLaunch {
  /** Those that live. Any of them can be any of the machines. */
  readonly instances: readonly Instance[];
  /** Why there are fewer than machines; of the kinds that `launch` throws, and with what they tell of those that are missing. */
  readonly shortfall?: Error | undefined;
}

/** The provider's resource behind a machine, as the provider reports it now. */
export interface Instance {
  readonly providerId: string;
  /** From the tag that launch put on it; of one that was launched with others the first of them all. */
  readonly machineId: MachineId;
  /**
   * All machines of the call that launched it, where that was one for several. Its tags do not tell which of them it is: the
   * records do, and before it is in one it is anyone's that has none.
   */
  readonly sharedBy?: readonly MachineId[] | undefined;
  readonly poolName: string;
  readonly launchedAt: EpochMs;
  /**
   * `running` may not be reachable yet; `ending` is on its way out; `stopped` has no process but still has resources, whoever
   * stopped it, and `stopping` is on its way there.
   */
  readonly state: "pending" | "running" | "stopping" | "stopped" | "ending";
  readonly address?: Address | undefined;
  /** What was sold, for its price. */
  readonly offering?: Offering | undefined;
  /** Whether it came up from a first boot or from the memory of a machine that had booted; absent where there is only one way. */
  readonly origin?: MachineOrigin | undefined;
  /** When it began to run, where the time before is free and the provider tells. EC2 does not: it names the launch alone. */
  readonly runningSince?: EpochMs | undefined;
}

/** What a driver can do beyond launch, list and terminate. Declared, not probed. */
export interface DriverCapabilities {
  /** Calls `onGone` within a second of an instance's unexpected end. */
  readonly watch: boolean;
  /** Whether whatever runs on a machine, or may ask the provider, can read the machine's seed. @default false */
  readonly showsSeed?: boolean | undefined;
  /** Whether machines of a shape are told from inside what the provider is going to do with them. @default none is */
  readonly givesNotices?: ((shape: MachineShape) => boolean) | undefined;
  /** How far the list may lag behind launches and ends, in milliseconds; 0 for a list that never does. @default 30,000 */
  readonly listLagMs?: number | undefined;
  /** Calls that the provider takes: `burst` at once, and `perSecond` more each second. @default no bound */
  readonly callBudget?: CallBudget | undefined;
}

/** A token bucket: `burst` ≥ 1 tokens at the start and at the most, `perSecond` > 0 coming back. */
export interface CallBudget {
  readonly burst: number;
  readonly perSecond: number;
}

/** One stopped instance to start. */
export interface StartSpec {
  readonly providerId: string;
  readonly machineId: MachineId;
  readonly poolName: string;
  /** As it was launched with. */
  readonly shape: MachineShape;
}

/** What a driver does that launches several machines by one call. */
export interface Together {
  /** Most machines of one call, ≥ 2. */
  readonly maxMachines: number;
  /**
   * Launches as many instances as there are machines, or answers those that an earlier call with this token launched, were they
   * fewer too. It throws as `launch` does when there are none at all.
   */
  launch(spec: SharedLaunchSpec, token: string, signal: AbortSignal): Promise<SharedLaunch>;
  /** What an instance says it is when it is asked over its channel (`Guest.seal`). Others cannot tell. */
  nameOf(providerId: string): string;
}

/** What a driver does whose instances keep their disks while they are stopped. */
export interface Power {
  /**
   * Asks for the stop of instances, which keep their disks. Done when the list shows them as `stopped`. Stopped already is success.
   * @throws TransientError when it may have failed in passing; calling again is safe.
   */
  stop(providerIds: readonly string[], signal: AbortSignal): Promise<void>;
  /**
   * Starts one stopped instance, with the same disk and perhaps another address. One that runs already is success. Without an
   * address in the answer, the list tells it.
   * @throws CapacityError when there is no room now; it stays stopped then. TransientError when it may have failed in passing;
   * calling again is safe.
   */
  start(spec: StartSpec, signal: AbortSignal): Promise<Instance>;
}

/** What an instance's watcher is told. */
export interface DriverWatcher {
  /** The instance ended by itself. */
  onGone(providerId: string, detail: string): void;
  /** The provider will take the instance back at `takenAt` (a spot notice), in about two minutes at the most. */
  onInterruption?(providerId: string, detail: string, takenAt: EpochMs): void;
}

/** Something beside instances that bears our owner tag and that no live machine has a use for. It costs, or fills a quota. */
export interface Leftover {
  /** Names it within its driver; never an instance's `providerId`. */
  readonly id: string;
  /** From its tags, where it has them. */
  readonly machineId?: MachineId | undefined;
  readonly poolName?: string | undefined;
  readonly createdAt?: EpochMs | undefined;
  /** What it is, and why it is left over, in a few words. */
  readonly what: string;
}

/** A list that lacks what some of a driver's accounts or regions would have told: what is not in it may be there all the same. */
export class PartialListError extends TransientError {
  readonly instances: readonly Instance[];

  constructor(instances: readonly Instance[], problem: string, options?: ErrorOptions) {
    super("list-partial", problem, options);
    this.instances = instances;
  }
}

/**
 * Launches, lists and terminates machines of one provider for one owner. Safe for concurrent calls.
 * Knows nothing of SSH, Docker, pools' policies or leases.
 */
export interface Driver {
  readonly name: MachineShape["driver"];
  readonly capabilities: DriverCapabilities;

  /**
   * Launches one instance, or answers the one that an earlier call with this token launched.
   * @throws CapacityError when there is no room now, with a sentence that says what is short; nothing was launched then.
   * @throws ConfigError, RefusedError when a setting is wrong or the account may not, NoEffectError when the provider could not
   * be asked; nothing was launched then either.
   * @throws TransientError when it may have failed in passing; calling again with the same token is safe.
   */
  launch(spec: LaunchSpec, token: string, signal: AbortSignal): Promise<Instance>;

  /**
   * Every instance that bears our owner tag, strangers' never. The answer may lag behind launches and ends by seconds.
   * @throws PartialListError when only a part of the answer can be had, and another error when none can; never knowingly
   * answers a partial list.
   */
  list(signal: AbortSignal): Promise<readonly Instance[]>;

  /** Ends instances and frees all that they held. What is gone already is success. */
  terminate(providerIds: readonly string[], signal: AbortSignal): Promise<void>;

  /**
   * What is left over beside instances. The answer may lag, and show what is only about to be used: what is to be removed by
   * itself was in two lists. @throws when the answer cannot be had.
   */
  listLeftovers?(signal: AbortSignal): Promise<readonly Leftover[]>;

  /** Removes one of the list. What is gone already is success. @throws when it is in use again, or may not be removed. */
  removeLeftover?(id: string, signal: AbortSignal): Promise<void>;

  /** Present where one call can launch several. */
  readonly together?: Together | undefined;

  /** Present where instances can be stopped and started again. */
  readonly power?: Power | undefined;

  /** Reports instances that will end by themselves, and with the `watch` capability those that did. Answers how to stop watching. */
  watch?(watcher: DriverWatcher): () => void;

  /**
   * Takes what the instance wrote to its console since the last call, at most the last 64 KiB: for people who ask why it
   * did not boot. Written by the guest: not to be trusted. @throws NotFoundError when it has no console.
   */
  readConsole?(providerId: string, signal: AbortSignal): Promise<string>;

  /** Lets go of files and sockets; instances stay as they are. */
  close(): Promise<void>;
}
