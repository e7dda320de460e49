import type { EpochMs } from "../../domain/ids.ts";

/** A pipeline as far as its future goes: whoever runs it knows its jobs before they come. */
export interface ForeseenPipeline {
  /** In the order that they run. */
  readonly stages: readonly string[];
  /** Names are unique. */
  readonly jobs: readonly ForeseenJob[];
}

export interface ForeseenJob {
  readonly name: string;
  /** One of the pipeline's; a job of another one waits for nothing. */
  readonly stage: string;
  /** Names of the jobs that it waits for; undefined: all jobs of earlier stages. */
  readonly needs?: readonly string[] | undefined;
  /** `waiting`: for earlier jobs; `over`: it has ended, or nobody waits for it any more. */
  readonly state: "waiting" | "running" | "over";
  /** Of a running one. @default now */
  readonly startedAt?: EpochMs | undefined;
  /**
   * It does not come by itself, as a manual job or one for failures. `aside`: later stages do not wait for it; `blocking`: they do,
   * nobody knows for how long.
   */
  readonly heldBack?: "aside" | "blocking" | undefined;
}
