import type { EpochMs } from "../../domain/ids.ts";

/**
 * How far a job is, in the order of its life; of two that are heard of one job the later in this order holds, whichever came last.
 * What GitLab calls by other words before a job may run (`preparing`, `waiting_for_resource`) is `created`.
 * Source: Ci::HasStatus of GitLab 18.
 */
export const JOB_STATES = ["created", "scheduled", "manual", "skipped", "pending", "running", "ended"] as const;

export type GitlabJobState = (typeof JOB_STATES)[number];

/** What is heard of one job. What is not told is absent. */
export interface JobFact {
  /** GitLab's number; a retry has another, greater one. */
  readonly id: number;
  readonly name: string;
  readonly stage: string;
  readonly state: GitlabJobState;
  /** Of an ended one: `success`, `failed`, `canceled`. */
  readonly result?: string | undefined;
  readonly startedAt?: EpochMs | undefined;
  readonly durationMs?: number | undefined;
  /** `manual`, `delayed`, `on_failure`, `always`, `on_success`. */
  readonly when?: string | undefined;
  /** Names of the jobs that it waits for; absent where it waits for all earlier stages, and where nothing tells. */
  readonly needs?: readonly string[] | undefined;
  /** Whether the pipeline goes on without it. */
  readonly mayFail?: boolean | undefined;
  /** The tags that its runner must have. */
  readonly tags?: readonly string[] | undefined;
  /** The tags of the runner that took it. */
  readonly runnerTags?: readonly string[] | undefined;
  /** It came to a pool of ours. */
  readonly isOurs?: boolean | undefined;
}

/** What is heard of one pipeline at once. */
export interface PipelineFact {
  readonly projectId: number;
  readonly pipelineId: number;
  /** In the order that they run, where they are told. */
  readonly stages?: readonly string[] | undefined;
  /** What it runs for, such as `push` or `schedule`, and on which branch or tag. */
  readonly source?: string | undefined;
  readonly ref?: string | undefined;
  /** It is to come by a schedule, and thought to be as this one, the schedule's last. */
  readonly scheduled?: { readonly scheduleId: number; readonly startsAt: EpochMs } | undefined;
  /** All its jobs are here, those that were retried, too. */
  readonly isWhole?: boolean | undefined;
  readonly jobs: readonly JobFact[];
}

const STATE_BY_STATUS: Readonly<Record<string, GitlabJobState>> = {
  ...{ created: "created", preparing: "created", waiting_for_resource: "created", waiting_for_callback: "created" },
  ...{ scheduled: "scheduled", manual: "manual", skipped: "skipped", pending: "pending" },
  ...{ running: "running", canceling: "running", success: "ended", failed: "ended", canceled: "ended" },
};

/** Reads GitLab's own word; one that is not known here is of a job that nothing is told of. */
export const stateFromStatus = (status: string): GitlabJobState => STATE_BY_STATUS[status] ?? "skipped";

/** Joins what was heard of one job: the same in whichever order it came, and how often. */
export function joinFacts(one: JobFact, other: JobFact): JobFact {
  const [early, late] = [one, other].toSorted((a, b) => ageOf(a) - ageOf(b)) as [JobFact, JobFact];
  const told = Object.fromEntries(Object.entries(late).filter(([, value]) => value !== undefined)) as JobFact;
  return { ...early, ...told };
}

const ageOf = ({ state }: JobFact): number => JOB_STATES.indexOf(state);

/** It may run, or has run: its lease is on its way, or has been there. */
export function hasBegun({ state, startedAt }: JobFact): boolean {
  return state === "pending" || state === "running" || (state === "ended" && startedAt !== undefined);
}
