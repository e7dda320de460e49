import { setTimeout as sleep } from "node:timers/promises";
import type { Attempt } from "./customRunnerAttempt.ts";
import { JobFailure } from "./customRunnerCall.ts";
import type { CoordinatorJob } from "./customRunnerJob.ts";

/** How the world reaches into the stages of a job. */
export interface StagesControl {
  /** The whole job is over: whatever runs is killed, and no further stage is begun. */
  readonly over: AbortSignal;
  /** Answers a signal that aborts when GitLab cancels gracefully from now on; what came before has ended the whole job. */
  readonly ownCancel: () => AbortSignal;
  /** Between two tries of a stage, in milliseconds. */
  readonly pauseMs: (tries: number) => number;
}

/**
 * Runs the stages of a prepared job in the runner's order.
 * Source: gitlab-runner common/build.go: executeScript, executePrepareScripts, executeUserScripts, pickPriorityError
 * @throws the first failure that counts; once `over` has aborted, any error.
 */
export async function runStages(job: CoordinatorJob, attempt: Attempt, control: StagesControl): Promise<void> {
  const own = job.stages ?? {};
  const { over } = control;
  const stage = (name: string): Promise<void> => attempt.run(name, own[name], over);
  // The one stage after whose failure nothing follows but the cleanup.
  await attempt.run("prepare_script", own["prepare_script"] ?? ["echo Running on $(hostname)"], over);
  const failure =
    (await failureOf(getReady(job, attempt, control))) ?? (await failureOf(userScripts(job, attempt, control)));
  const end = failure === undefined ? "" : "_on_failure";
  const unarchived = await failureOf(stage(`archive_cache${end}`));
  const unsent = await failureOf(stage(`upload_artifacts${end || "_on_success"}`));
  await failureOf(stage("cleanup_file_variables"));
  const first = failure ?? unarchived ?? unsent;
  if (first !== undefined) throw first;
}

async function getReady(job: CoordinatorJob, attempt: Attempt, { over, pauseMs }: StagesControl): Promise<void> {
  const own = job.stages ?? {};
  for (const [name, attempts] of [
    ["get_sources", "GET_SOURCES_ATTEMPTS"],
    ["restore_cache", "RESTORE_CACHE_ATTEMPTS"],
    ["download_artifacts", "ARTIFACT_DOWNLOAD_ATTEMPTS"],
  ] as const) {
    const maxTries = Number(job.variables?.[attempts] ?? 1);
    for (let tries = 1; ; tries += 1) {
      const isSecondOfSources = name === "get_sources" && tries === 2;
      const failure =
        (isSecondOfSources ? await failureOf(attempt.run("clear_worktree", own["clear_worktree"], over)) : undefined) ??
        (await failureOf(attempt.run(name, own[name], over)));
      if (failure === undefined) break;
      if (tries >= maxTries) throw failure;
      await sleep(pauseMs(tries));
    }
  }
}

async function userScripts(job: CoordinatorJob, attempt: Attempt, { over, ownCancel }: StagesControl): Promise<void> {
  const cancel = ownCancel();
  const script = AbortSignal.any([over, cancel]);
  let failure = await failureOf(attempt.run("build_script", job.script, script));
  // Whatever the script made of it, a job that is cancelled has been cancelled.
  if (!over.aborted && cancel.aborted) failure = new JobFailure("job_canceled");
  const after = await failureOf(attempt.run("after_script", job.afterScript, over, statusOf(failure)));
  if (job.variables?.["AFTER_SCRIPT_IGNORE_ERRORS"] === "false") failure ??= after;
  if (failure !== undefined) throw failure;
}

function statusOf(failure: unknown): string {
  if (failure === undefined) return "success";
  return failure instanceof JobFailure && failure.reason === "job_canceled" ? "canceled" : "failed";
}

/** What a stage failed by; its own errors are not for this. */
async function failureOf(stage: Promise<void>): Promise<unknown> {
  return stage.then(
    () => undefined,
    (error: unknown) => error,
  );
}
