import type { JobEnd } from "./job.ts";

/** Where a stage's script runs: in the job's container, or beside it on the machine, in the same folder of builds. */
export type StagePlace = "job" | "machine";

/** What a staged job's holder asks to have run next. */
export interface StageRequest {
  /** For people: `build_script`, … */
  readonly name: string;
  /** A job without an image has no container: both are the machine. */
  readonly place: StagePlace;
  /** The bytes of a shell script, in base64, at most 16 MiB of them. */
  readonly script: string;
  /** Whether its failure is the job's. */
  readonly decidesResult: boolean;
}

/** How a stage ended. */
export type StageEnd =
  | { readonly result: "exited"; readonly exitCode: number }
  /** Its holder asked for it, or for the next one. */
  | { readonly result: "stopped" }
  | { readonly result: "timeout"; readonly message: string }
  /** The manager was restarted before its script had begun, and it never will; the stage can be asked for again. */
  | { readonly result: "never-begun" }
  /** The whole job ended under it. */
  | { readonly result: "job-ended"; readonly end: JobEnd };

/** One stage, as its holder sees it. The preparation is stage 0, and ends with exit code 0. */
export interface StageView {
  readonly number: number;
  readonly name: string;
  /** Absent while it runs. */
  readonly end?: StageEnd | undefined;
}
