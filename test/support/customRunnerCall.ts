import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** How one call of the executor ended; a signal ends it without a code. */
export interface StageExit {
  readonly exitCode: number | null;
}

/** A running call of the executor. */
export interface StageCall {
  readonly exited: Promise<StageExit>;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

/** One call that is to be made. */
export interface StageInvocation {
  /** `config`, `prepare`, `run` or `cleanup`. */
  readonly verb: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly onStdout: (bytes: Buffer) => void;
  readonly onStderr: (bytes: Buffer) => void;
}

export type StartStage = (invocation: StageInvocation) => StageCall;

export type FailureReason = "script_failure" | "runner_system_failure" | "job_canceled" | "job_execution_timeout";

/** What ends a job. A failed build is never tried again, a failed system may be. */
export class JobFailure extends Error {
  readonly reason: FailureReason;
  readonly exitCode: number | undefined;
  constructor(reason: FailureReason, exitCode?: number) {
    super(reason);
    this.reason = reason;
    this.exitCode = exitCode;
  }
}

/** The exit codes by which an executor tells whose failure it was; the runner's own are 1 and 2. */
export interface FailureCodes {
  readonly buildFailure: number;
  readonly systemFailure: number;
}

/**
 * Says what a call's exit means. A code that is neither of the two is the system's failure, an ending by signal too; the script's
 * own code stands in the first line of a file, which lives as long as the attempt.
 * Source: gitlab-runner executors/custom/command/command.go
 * @throws JobFailure
 */
export async function judgeExit(exitCode: number | null, folder: string, codes: FailureCodes): Promise<void> {
  if (exitCode === 0) return;
  if (exitCode !== codes.buildFailure) throw new JobFailure("runner_system_failure");
  const written = await readFile(exitCodeFile(folder), "utf8").catch(() => undefined);
  if (written === undefined) throw new JobFailure("script_failure", 1);
  const [line = ""] = written.split("\n");
  if (!/^[+-]?\d+$/.test(line)) throw new JobFailure("runner_system_failure");
  throw new JobFailure("script_failure", Number(line));
}

export const exitCodeFile = (folder: string): string => join(folder, "build_exit_code");

/** The two patiences of a runner with a call that it ends. */
export interface KillTimeouts {
  /** @default 600,000 */
  readonly gracefulKillMs?: number;
  /** @default 10,000 */
  readonly forceKillMs?: number;
}

/**
 * Waits for a call. When `stop` aborts: SIGTERM to its group, after the first patience SIGKILL, after the second it is abandoned.
 * Source: gitlab-runner helpers/process/killer.go
 */
export async function awaitCall(call: StageCall, stop: AbortSignal, timeouts: KillTimeouts): Promise<StageExit> {
  const { gracefulKillMs = 600_000, forceKillMs = 10_000 } = timeouts;
  const stopped = new Promise<undefined>((resolve) => {
    if (stop.aborted) resolve(undefined);
    stop.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  const ended = await Promise.race([call.exited, stopped]);
  if (ended !== undefined) return ended;
  call.kill("SIGTERM");
  const inTime = await exitedWithin(call, gracefulKillMs);
  if (inTime !== undefined) return inTime;
  call.kill("SIGKILL");
  return (await exitedWithin(call, forceKillMs)) ?? { exitCode: null };
}

async function exitedWithin(call: StageCall, ms: number): Promise<StageExit | undefined> {
  const waiting = new AbortController();
  const late = sleep(ms, undefined, { signal: waiting.signal }).catch(() => undefined);
  try {
    return await Promise.race([call.exited, late]);
  } finally {
    waiting.abort();
  }
}
