import type { CostSettings } from "./cost.ts";
import type { MachineShape } from "./shape.ts";

/**
 * How jobs of a pool get Docker: `dind` makes job containers privileged and shares /certs/client; `socket` mounts the
 * machine's own socket and makes the name `docker` resolve to the machine; `none` gives containers neither.
 */
export type DockerMode = "dind" | "socket" | "none";

/** How the inside of a machine is set up. */
export interface GuestSettings {
  /** The account that jobs run as; has passwordless sudo. @default "runner" */
  readonly user: string;
  /** @default "dind" */
  readonly docker: DockerMode;
  /** URL of a registry mirror as the guest sees it, e.g. `http://10.0.2.2:5000`. */
  readonly registryMirror?: string | undefined;
  /** Whether the image holds the Docker engine, or it is installed from the distribution's packages at the first boot. @default "baked" */
  readonly engine?: "baked" | "install" | undefined;
  /** The engine's data root. @default "/var/lib/docker" */
  readonly dataRoot: string;
}

/**
 * What the operator lets a pool do: `open` serves; `cordoned` gives no lease and launches nothing; `draining` is cordoned
 * and lets go of its machines, the leased ones when their leases end.
 */
export type PoolMode = "open" | "cordoned" | "draining";

const STRICTNESS = { open: 0, cordoned: 1, draining: 2 } as const satisfies Record<PoolMode, number>;

/** Answers the mode that lets a pool do less. */
export const stricterMode = (a: PoolMode, b: PoolMode): PoolMode => (STRICTNESS[a] >= STRICTNESS[b] ? a : b);

/** What a pool keeps ready. */
export interface IdleWish {
  /** Machines kept ready beside the leased ones, 0..maxMachines. GitLab's IdleCount. */
  readonly idleCount: number;
  /**
   * Above 0, so many machines for each leased one, rounded down, are kept ready instead: no fewer than `idleCountMin`, no more than
   * `idleCountMax`. GitLab's IdleScaleFactor and scale_factor. @default 0
   */
  readonly idleScaleFactor?: number | undefined;
  /** 0..idleCount. GitLab's IdleCountMin. @default idleCount */
  readonly idleCountMin?: number | undefined;
  /** idleCount..maxMachines. GitLab's scale_factor_limit. @default idleCount */
  readonly idleCountMax?: number | undefined;
  /** Machines kept beside the idle ones that were booted once and then stopped, ≥ 0. @default 0 */
  readonly stoppedCount?: number | undefined;
  /** A surplus idle machine is retired when it has been idle for longer. GitLab's IdleTime. */
  readonly idleTimeMs: number;
}

/** What a pool keeps ready at some times. What a section leaves open is as the pool itself has it, whatever other sections say. */
export type ScheduleSection = { readonly [Key in keyof IdleWish]?: IdleWish[Key] | undefined } & {
  /** Cron expressions of five fields, at least one: the section holds in every minute that one of them matches. */
  readonly periods: readonly string[];
  /** IANA time zone whose clocks the periods are read from. @default "UTC" */
  readonly timezone: string;
};

/** How long jobs may wait, from which the level of idle machines is chosen for every moment. Exactly one of `share` and `waitUsdPerMinute`. */
export interface TargetWish {
  /** In milliseconds, ≥ 0. */
  readonly waitMs: number;
  /** The share of jobs that wait no longer than that, in (0, 1). */
  readonly share?: number | undefined;
  /** What a minute is worth that a job waits, in US dollars, > 0. */
  readonly waitUsdPerMinute?: number | undefined;
}

/** The part of a pool's wish that says how many machines it has when: what a shadow may have otherwise. */
export type PoolPolicy = IdleWish &
  Pick<DesiredPool, "maxMachines" | "maxGrowthRate" | "schedule" | "target" | "budgetUsdPerDay">;

/** A policy that is decided beside the acting one, on what really comes; it launches nothing. */
export interface ShadowWish extends PoolPolicy {
  /** Unique among the shadows of its pool. */
  readonly name: string;
}

/** What the operator wishes for one pool. All durations in milliseconds. */
export interface DesiredPool extends IdleWish {
  readonly name: string;
  /** Machines in any state but terminated, ≥ 1. GitLab's `limit`. */
  readonly maxMachines: number;
  /** The last section that holds counts; in other minutes the pool's own wish does. @default none */
  readonly schedule?: readonly ScheduleSection[] | undefined;
  /** Chooses the idle count for every moment, between `idleCountMin` (@default 0) and `idleCountMax` (@default maxMachines). @default none */
  readonly target?: TargetWish | undefined;
  /** In US dollars from midnight to midnight UTC, > 0: no machine is launched whose cost would pass it. @default none */
  readonly budgetUsdPerDay?: number | undefined;
  /** Policies that are tried beside its own. @default none */
  readonly shadows?: readonly ShadowWish[] | undefined;
  /** Launches in flight (requested or booting) at once, ≥ 1. GitLab's MaxGrowthRate. */
  readonly maxGrowthRate: number;
  /** An idle machine older than this is replaced. */
  readonly maxAgeMs: number;
  /** From launch to ready. */
  readonly bootTimeoutMs: number;
  /** Upper bound of one job's run, from lease to release. */
  readonly jobTimeoutMs: number;
  /** A machine that has not heard from its manager for so long powers itself off. */
  readonly orphanTimeoutMs: number;
  /** Names of images that are on machines before a job asks for them, in the order in which they are fetched. @default none */
  readonly preload?: readonly string[] | undefined;
  readonly guest: GuestSettings;
  readonly shape: MachineShape;
  readonly cost?: CostSettings | undefined;
}
