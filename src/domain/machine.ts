import type { MachinePrice } from "./cost.ts";
import type { EpochMs, LeaseId, MachineId } from "./ids.ts";
import type { GuestSettings } from "./pool.ts";
import type { DriverName } from "./shape.ts";

export type MachineState =
  | "requested"
  | "booting"
  | "idle"
  | "stopping"
  | "stopped"
  | "starting"
  | "leased"
  | "terminating"
  | "terminated";

/** Where a machine's sshd answers. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** How a machine came up: from a first boot, or from the memory of one that had booted. */
export type MachineOrigin = "booted" | "restored";

/** Why a machine was ended. The first cause wins: a later one never overwrites it. */
export type RetireReason =
  | "job-finished"
  | "job-cancelled"
  | "job-timeout"
  | "lease-released"
  | "lease-lapsed"
  | "launch-failed"
  | "boot-timeout"
  | "boot-failed"
  | "host-key-changed"
  | "channel-lost"
  | "engine-lost"
  | "instance-gone"
  | "interrupted"
  | "rebalance-recommended"
  | "stop-failed"
  | "start-failed"
  | "not-stopped"
  | "surplus-idle"
  | "surplus-stopped"
  | "max-age"
  | "pool-drained"
  | "pool-removed"
  | "pool-changed"
  | "operator"
  | "shutdown"
  | "left-over";

interface MachineBase {
  readonly id: MachineId;
  readonly poolName: string;
  readonly driver: DriverName;
  /** Idempotency token of the launch; stands in the store before the provider is called. */
  readonly launchToken: string;
  /**
   * All machines that one call launches by this token, itself among them, in the order of the call: they are told the same, and
   * any of its instances can be any of them until a record has it. Stays until its end comes near. @default a call of its own
   */
  readonly launchedWith?: readonly MachineId[] | undefined;
  readonly requestedAt: EpochMs;
  /** A cordoned machine gets no lease. */
  readonly isCordoned: boolean;
  /** How its inside was set up at its launch, whatever the configuration has come to say since. Records of older managers lack it. */
  readonly guestSettings?: GuestSettings | undefined;
  /** The public host key that it made itself, where the one that was handed in could be read by others. */
  readonly hostKey?: string | undefined;
  /** From its launch on, where a price is known. A later change of prices does not touch it. */
  readonly price?: MachinePrice | undefined;
  /** In US dollars. Stored with its end; of a live machine, what it has cost when somebody asked. */
  readonly costUsd?: number | undefined;
  /** Digest of all that it was made from, where its pool keeps stopped machines. */
  readonly recipe?: string | undefined;
  /** Digest of the shape and the settings that it was made from. Records of older managers lack it. */
  readonly shapeDigest?: string | undefined;
  /** From its launch on, where there are two ways. */
  readonly origin?: MachineOrigin | undefined;
  /** When it was last asked to start after a stop. */
  readonly startedAt?: EpochMs | undefined;
  /** In US dollars, what it cost before its present run, or its present stop, began. */
  readonly spentUsd?: number | undefined;
}

/** Facts of a machine whose launch the provider accepted. */
export interface LaunchedFacts {
  readonly providerId: string;
  readonly launchedAt: EpochMs;
}

/** Facts of a machine that passed its probes. */
export interface ReadyFacts extends LaunchedFacts {
  readonly address: Address;
  readonly readyAt: EpochMs;
  /** When the provider began to run it, where it tells: the time before may be free. */
  readonly runningSince?: EpochMs | undefined;
}

/** Facts of a machine on its way out. `leaseId` stays when it ever had one. */
export interface RetireFacts {
  readonly providerId?: string | undefined;
  readonly leaseId?: LeaseId | undefined;
  readonly launchedAt?: EpochMs | undefined;
  /** When it last came to be ready, when it was retired out of a state in which it was. */
  readonly readyAt?: EpochMs | undefined;
  readonly runningSince?: EpochMs | undefined;
  /** Since when it had not been running, when it was retired out of a stop. */
  readonly stoppedSince?: EpochMs | undefined;
  readonly reason: RetireReason;
  /** One sentence for a person; never holds a secret. */
  readonly detail: string;
  readonly terminatingSince: EpochMs;
}

/**
 * One virtual machine, from the intent to launch it until nothing of it is left.
 *
 * INVARIANTS
 * - A machine is leased at most once: `leased` leads to `terminating` alone.
 * - A machine that is stopped has never been leased, for the same reason.
 * - The record exists before the provider is called, and is `terminated` only after the provider said that it is gone.
 */
export type Machine = MachineBase &
  (
    | { readonly state: "requested" }
    | ({ readonly state: "booting" } & LaunchedFacts)
    | ({ readonly state: "idle"; readonly idleSince: EpochMs } & ReadyFacts)
    | ({
        readonly state: "stopping";
        readonly stoppingSince: EpochMs;
        readonly runningSince?: EpochMs | undefined;
      } & LaunchedFacts)
    | ({ readonly state: "stopped"; readonly stoppedSince: EpochMs } & LaunchedFacts)
    | ({ readonly state: "starting"; readonly startingSince: EpochMs } & LaunchedFacts)
    | ({ readonly state: "leased"; readonly leaseId: LeaseId; readonly leasedAt: EpochMs } & ReadyFacts)
    | ({ readonly state: "terminating" } & RetireFacts)
    | ({ readonly state: "terminated"; readonly terminatedAt: EpochMs } & RetireFacts)
  );

export type MachineIn<S extends MachineState> = Extract<Machine, { readonly state: S }>;
/** A machine in any state but the last. */
export type LiveMachine = MachineIn<Exclude<MachineState, "terminated">>;

/** The legal moves. Every live state may go to terminating; nothing leaves terminated. */
export const TRANSITIONS = {
  requested: ["booting", "terminating"],
  booting: ["idle", "terminating"],
  idle: ["leased", "stopping", "terminating"],
  stopping: ["stopped", "terminating"],
  stopped: ["starting", "terminating"],
  starting: ["idle", "terminating"],
  leased: ["terminating"],
  terminating: ["terminated"],
  terminated: [],
} as const satisfies Record<MachineState, readonly MachineState[]>;

/** Tells whether a machine may move from one state to another. */
export function canMove(from: MachineState, to: MachineState): boolean {
  return (TRANSITIONS[from] as readonly MachineState[]).includes(to);
}
