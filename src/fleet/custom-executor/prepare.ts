import { SystemError } from "../../domain/errors.ts";
import type { Job } from "../../domain/job.ts";
import type { StageContext } from "./context.ts";
import { tellLine } from "./context.ts";
import { followStage } from "./followStage.ts";
import { heldJob } from "./held.ts";
import type { JobResponse } from "./jobResponse.ts";
import { outcomeFrom } from "./outcome.ts";
import type { StageOutcome } from "./outcome.ts";
import { choosePool } from "./pool.ts";
import type { RunnerJob } from "./runnerJob.ts";
import { runnerJobFrom } from "./runnerJob.ts";
import { specFrom } from "./spec.ts";
import type { PrepareOptions } from "./spec.ts";

/**
 * Has the daemon hold a fresh machine for a runner's job, with its image and its services. Called again for the same job, it
 * goes on with what is held already. Says on the way why it waits.
 * @throws whatever is the system's failure, being stopped among it: the runner tries again, unless it has ended the job.
 */
export async function prepare(
  options: PrepareOptions,
  response: JobResponse | undefined,
  context: StageContext,
): Promise<{ readonly job: Job; readonly outcome: StageOutcome }> {
  const { manager, env, tell, cancel, orphaned } = context;
  const runnerJob = runnerJobFrom(env);
  const job = await holdJob(runnerJob, options, response, context);
  const end = await followStage(job.id, 0, tell, context);
  if (!cancel.aborted && !orphaned.aborted) {
    if (end.result === "exited") return { job: await manager.job(job.id), outcome: { result: "done" } };
    if (end.result === "job-ended") return { job, outcome: outcomeFrom(end.end) };
  }
  // Whoever ends the preparation has no use for the machine.
  await manager.finishJob(job.id);
  // A failed build would be the job's own fault to the runner, where it was cancelled, or its time was over.
  throw new SystemError("preparation-stopped", "the runner ended the preparation");
}

async function holdJob(
  runnerJob: RunnerJob,
  options: PrepareOptions,
  response: JobResponse | undefined,
  context: StageContext,
): Promise<Job> {
  const { manager, cancel } = context;
  const known = await heldJob(manager, runnerJob.holder, cancel);
  if (known !== undefined) {
    await tellLine(context, `goes on with job ${known.id}, which is held for this job already`);
    return known;
  }
  const poolName = choosePool(await manager.pools(), options.pool, runnerJob.variables["CI_RUNNER_TAGS"]);
  const job = await manager.submitJob(specFrom(runnerJob, { ...options, pool: poolName }, response));
  await tellLine(context, `asks pool ${poolName} for a fresh machine, as job ${job.id}`);
  return job;
}
