import type { JobSpec } from "../domain/job.ts";
import type { JobProgress } from "../domain/jobProgress.ts";
import type { JobLogWriter } from "../ports/files.ts";
import type { Leases } from "../ports/leases.ts";
import type { Notes } from "./notes.ts";
import type { PhaseMeter } from "./phases.ts";
import type { JobRecord } from "./record.ts";
import type { JobRun, RunJobDeps } from "./run.ts";
import type { StageDesk } from "./stages/desk.ts";

/** Everything that a job's life touches. */
export interface JobLife {
  readonly spec: JobSpec;
  readonly record: JobRecord;
  readonly log: JobLogWriter;
  /** Bound of before_script and script together, in milliseconds. */
  readonly timeoutMs: number;
  readonly cancel: AbortSignal;
  readonly force: AbortSignal;
  /** Ends the job, with its reason, while it waits for a machine. */
  readonly turnAway: AbortSignal;
  /** Leaves the job as it is, for another manager. */
  readonly handOver: AbortSignal;
  /** Whether an earlier manager accepted it. */
  readonly isResumed: boolean;
  /** Where a staged job meets its holder. */
  readonly desk?: StageDesk | undefined;
  /** How far that one came with it. */
  readonly progress?: JobProgress | undefined;
}

export interface JobLifeDeps extends RunJobDeps {
  readonly leases: Leases;
}

/** What the parts of one life share. */
export interface LifeContext {
  readonly life: JobLife;
  readonly deps: JobLifeDeps;
  readonly run: JobRun;
  readonly meter: PhaseMeter;
  readonly notes: Notes;
  /** Aborts when the lease need not be renewed any more. */
  readonly over: AbortSignal;
}
