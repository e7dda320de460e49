import type { EpochMs } from "../domain/ids.ts";

/** A job that was said to be submitted now comes within this, in milliseconds. */
export const COMING_MS = 60_000;

/** Jobs of a pipeline that wait for earlier ones, and come together. */
export interface AnnouncedJobs {
  readonly poolName: string;
  /** ≥ 1. */
  readonly count: number;
  /** How likely they come at all, 0-1. */
  readonly chance: number;
  /** Instants at which they may become ready, each as likely as the next, oldest first, 1 to 32 of them. */
  readonly readyAt: readonly EpochMs[];
}

/** What a front door knows of the jobs that a pipeline will bring. Each takes the place of the pipeline's last one. */
export interface Announcement {
  /** Those that are still to come; none when the pipeline is over. */
  readonly jobs: readonly AnnouncedJobs[];
  /** Of those that were announced before, how many are submitted now. */
  readonly begun: readonly { readonly poolName: string; readonly count: number }[];
  /** It is forgotten when nothing is heard of the pipeline for so long, in milliseconds. */
  readonly ttlMs: number;
}
