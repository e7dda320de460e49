import type { EpochMs } from "../domain/ids.ts";
import type { PoolMode } from "../domain/pool.ts";
import type { DiskSpace } from "./disks.ts";

export interface Health {
  /** `degraded`: works, but something needs a look (see problems); `stopping`: takes no more jobs, and waits for those it has. */
  readonly status: "ok" | "degraded" | "stopping";
  readonly version: string;
  readonly name: string;
  readonly pid: number;
  readonly startedAt: number;
  /** A sentence for each thing that needs a look. */
  readonly problems: readonly string[];
  /** Why the store cannot be written, and since when. Absent when it can. */
  readonly storeProblem?: { readonly text: string; readonly since: EpochMs } | undefined;
  /** Why the configuration file is not what is in force, and since when. Absent when it is. */
  readonly configProblem?: { readonly text: string; readonly since: EpochMs } | undefined;
  /** The disks that it lives on, the state directory's first. */
  readonly disks: readonly DiskSpace[];
  /** With less free space than this at the state directory, nothing is launched. */
  readonly minFreeBytes: number;
  /** Absent where the configuration has none. */
  readonly mirror?: MirrorHealth | undefined;
  /** Absent where the configuration has none. */
  readonly gitlab?: GitlabHealth | undefined;
  readonly pools: readonly PoolHealth[];
}

/** How the registry mirror fares that the manager runs. Machines do without it while it does not serve. */
export interface MirrorHealth {
  /** Host and port. */
  readonly listen: string;
  readonly upstream: string;
  readonly isServing: boolean;
  /** Why it does not serve, or serves only what it has, and since when. */
  readonly problem?: { readonly text: string; readonly since: EpochMs } | undefined;
  /** How often it was started in the life of this manager. */
  readonly starts: number;
  /** What its cache took of the disk at the last look, and its bound. */
  readonly cacheBytes: number;
  readonly maxCacheBytes: number;
}

/** How it fares that is heard of a GitLab before its jobs come. Pools do without it while it is not. */
export interface GitlabHealth {
  /** Absent where none are taken. */
  readonly webhooks?:
    | (GitlabSourceHealth & {
        /** Host and port. */
        readonly listen: string;
        /** Webhooks in the life of this manager: of pipelines and jobs, of other kinds, not understood, with a wrong token. */
        readonly taken: number;
        readonly other: number;
        readonly invalid: number;
        readonly refused: number;
        /** What was wrong with the last one that was not taken, and when it came. */
        readonly lastRefusal?: { readonly text: string; readonly at: EpochMs } | undefined;
      })
    | undefined;
  /** Absent where it is not asked. */
  readonly api?:
    | (GitlabSourceHealth & {
        readonly url: string;
        /** How many are looked at. */
        readonly projects: number;
      })
    | undefined;
  /** Pipelines that have jobs to come, and how many those are, as pools were told. */
  readonly pipelines: number;
  readonly jobsToCome: number;
  /** Names of jobs of which it is known how long they take. */
  readonly knownNames: number;
}

export interface GitlabSourceHealth {
  readonly isUp: boolean;
  /** Why it is not, and since when. */
  readonly problem?: { readonly text: string; readonly since: EpochMs } | undefined;
  readonly lastHeardAt?: EpochMs | undefined;
}

/** How a pool fares. */
export interface PoolHealth {
  readonly name: string;
  readonly mode: PoolMode;
  readonly steeredBy?: SteeredBy | undefined;
  /** What its provider said when it last refused a launch; absent when the last one went well. */
  readonly launchProblem?: string | undefined;
  /** Launches refused in a row, those that went out together counted once. */
  readonly refusals: number;
  /** When the next is tried, after a refusal. */
  readonly launchesPausedUntil?: EpochMs | undefined;
  readonly preloadProblems?: readonly PreloadFailure[] | undefined;
}

/** What made a pool give no new leases: it was steered, all pools were, or the manager is stopping. */
export type SteeredBy = "pool" | "all" | "stop";

/** An image that could not be fetched ahead of its jobs. */
export interface PreloadFailure {
  readonly image: string;
  readonly text: string;
  readonly since: EpochMs;
  readonly retryAt: EpochMs;
}
