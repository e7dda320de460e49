import { randomBytes } from "node:crypto";

/** What a test asks a coordinator to have run. */
export interface JobOrder {
  readonly script: readonly string[];
  readonly afterScript?: readonly string[];
  readonly name?: string;
  readonly image?: string;
  readonly services?: readonly {
    readonly name: string;
    readonly alias?: string;
    readonly command?: readonly string[];
  }[];
  readonly variables?: Readonly<Record<string, string>>;
  /** Of the runner, as the job is told them. */
  readonly tags?: readonly string[];
  /** In seconds. @default 600 */
  readonly timeoutS?: number;
  /** Commands of the hook `pre_get_sources_script`, which belong to the runner's own stages. */
  readonly beforeSources?: readonly string[];
  /** Paths whose files are uploaded at the end. */
  readonly artifacts?: readonly string[];
  /** @default on_success */
  readonly artifactsWhen?: "on_success" | "always";
  /** Jobs whose artifacts it gets. */
  readonly needs?: readonly CoordinatedJob[];
}

export type JobState = "pending" | "running" | "success" | "failed" | "canceling" | "canceled";

/** How a job ended, as its runner said. */
export interface JobResult {
  readonly state: JobState;
  readonly exitCode: number | undefined;
  readonly failureReason: string | undefined;
  readonly trace: string;
}

/** A job as the coordinator knows it. */
export interface CoordinatedJob {
  readonly id: number;
  readonly token: string;
  readonly order: JobOrder;
  state: JobState;
  trace: Buffer;
  exitCode: number | undefined;
  failureReason: string | undefined;
  /** The last upload, and its name. */
  archive: { readonly name: string; readonly bytes: Buffer } | undefined;
  readonly ended: PromiseWithResolvers<JobResult>;
}

export function createJob(id: number, order: JobOrder): CoordinatedJob {
  const ended = Promise.withResolvers<JobResult>();
  const token = `glcbt-${randomBytes(12).toString("hex")}`;
  const unknown = { exitCode: undefined, failureReason: undefined, archive: undefined };
  return { id, token, order, state: "pending", trace: Buffer.alloc(0), ...unknown, ended };
}

/** Whether its runner still works on it. */
export const isOpen = ({ state }: CoordinatedJob): boolean =>
  state === "pending" || state === "running" || state === "canceling";

/** Ends a job once and for all; what comes later changes nothing. */
export function endJob(job: CoordinatedJob, state: JobState, exitCode?: number, failureReason?: string): void {
  if (!isOpen(job)) return;
  Object.assign(job, { state, exitCode, failureReason });
  job.ended.resolve({ state, exitCode, failureReason, trace: job.trace.toString() });
}
