import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { CLI } from "./cli.ts";
import { createAttempt } from "./customRunnerAttempt.ts";
import type { Attempt, AttemptOptions, JobRecord } from "./customRunnerAttempt.ts";
import { JobFailure } from "./customRunnerCall.ts";
import type { FailureReason, StageExit, StartStage } from "./customRunnerCall.ts";
import type { CoordinatorJob } from "./customRunnerJob.ts";
import { runStages } from "./customRunnerStages.ts";

export interface CustomRunnerOptions extends AttemptOptions {
  /** Between two tries of anything. @default the runner's own: 3 s of a preparation, 1, 2, 4 and then 5 s of a stage */
  readonly retryPauseMs?: number;
  readonly onOutput?: (text: string) => void;
}

/** The two ways in which GitLab ends a job. */
export interface Cancellation {
  /** Job-Status `canceling`: a script is stopped, and what comes after it still runs. */
  readonly gracefully?: AbortSignal;
  /** Job-Status `canceled`: whatever runs is stopped, and nothing but the cleanup comes after it. */
  readonly atOnce?: AbortSignal;
}

/** What the runner would tell the coordinator. */
export interface CoordinatorResult {
  readonly state: "success" | "failed";
  readonly reason?: FailureReason;
  readonly exitCode?: number;
  /** All that the job's log has. */
  readonly log: string;
  /** The scripts' part of it. */
  readonly stdout: string;
  /** Each call, with its stage where it has one, and its exit code. */
  readonly calls: readonly string[];
}

const PREPARE_TRIES = 3;
const NEVER = new AbortController().signal;

/**
 * Does with one job what GitLab's runner does through its custom executor: tries, stages in order, exit codes, signals, the two
 * kill timeouts. Source: gitlab-runner 19.4 common/build.go: Run, run, retryCreateExecutor
 */
export async function runCustomJob(
  job: CoordinatorJob,
  options: CustomRunnerOptions,
  { gracefully = NEVER, atOnce = NEVER }: Cancellation = {},
): Promise<CoordinatorResult> {
  const record = createRecord(options.onOutput);
  const canceled = new AbortController();
  const timeout = job.timeoutMs === undefined ? NEVER : AbortSignal.timeout(job.timeoutMs);
  const over = AbortSignal.any([canceled.signal, atOnce, timeout]);
  // Until the user's scripts are run, and have a cancellation of their own, the whole job is cancelled.
  let whole = canceled;
  const onCancel = (): void => whole.abort();
  gracefully.addEventListener("abort", onCancel, { once: true });
  if (gracefully.aborted) onCancel();
  const control = {
    over,
    ownCancel: () => {
      whole = new AbortController();
      return whole.signal;
    },
    pauseMs: (tries: number) => options.retryPauseMs ?? Math.min(5_000, 1_000 * 2 ** (tries - 1)),
  };

  try {
    const attempt = await prepared(job, options, record, over);
    try {
      // However its stages end: a job that is over is over.
      await runStages(job, attempt, control).finally(() => over.throwIfAborted());
    } finally {
      await attempt.cleanUp();
    }
    return { state: "success", ...record.all() };
  } catch (error) {
    // A preparation that says that the build has failed is believed, even where it was ended from outside.
    if (error instanceof JobFailure && !(over.aborted && error.reason === "runner_system_failure")) {
      const { reason, exitCode } = error;
      return { state: "failed", reason, ...(exitCode === undefined ? {} : { exitCode }), ...record.all() };
    }
    if (!over.aborted) throw error;
    return { state: "failed", reason: timeout.aborted ? "job_execution_timeout" : "job_canceled", ...record.all() };
  }
}

/** Prepares a job, in an attempt of its own each time; only what is the system's failure is tried again. */
async function prepared(
  job: CoordinatorJob,
  options: CustomRunnerOptions,
  record: JobRecord,
  over: AbortSignal,
): Promise<Attempt> {
  for (let tries = 1; ; tries += 1) {
    const attempt = await createAttempt(job, options, record);
    try {
      await attempt.prepare(over);
      return attempt;
    } catch (error) {
      await attempt.cleanUp();
      const isBuilds = error instanceof JobFailure && error.reason === "script_failure";
      if (isBuilds || over.aborted || tries === PREPARE_TRIES) throw error;
      await sleep(options.retryPauseMs ?? 3_000, undefined, { signal: over });
    }
  }
}

function createRecord(onOutput: ((text: string) => void) | undefined) {
  const calls: string[] = [];
  let log = "";
  let stdout = "";
  return {
    say(bytes: Buffer, isScripts: boolean): void {
      log += bytes.toString();
      if (isScripts) stdout += bytes.toString();
      onOutput?.(log);
    },
    called: (call: string): void => void calls.push(call),
    all: () => ({ log, stdout, calls }),
  };
}

/** Starts stages as the runner does: `mayfly` as a process of its own, in a group of its own. */
export function startInChild(args: Readonly<Record<string, readonly string[]>> = {}): StartStage {
  return ({ verb, args: words, env, cwd, onStdout, onStderr }) => {
    const own = [CLI, "custom-executor", verb, ...(args[verb] ?? []), ...words];
    const child: ChildProcess = spawn(process.execPath, own, {
      ...{ cwd, env: { PATH: process.env["PATH"], ...env } },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    child.stdout?.on("data", onStdout);
    child.stderr?.on("data", onStderr);
    const exited = new Promise<StageExit>((resolve) => child.on("close", (exitCode) => resolve({ exitCode })));
    const { pid } = child;
    return {
      exited,
      kill(signal) {
        if (pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-pid, signal);
      },
    };
  };
}
