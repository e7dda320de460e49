import type { Job } from "../../domain/job.ts";
import type { Manager } from "../../ports/manager.ts";

/** Answers the jobs that the daemon holds for a runner's job and that nobody has ended, oldest first. */
export async function heldJobs(manager: Pick<Manager, "jobs">, holder: string): Promise<readonly Job[]> {
  const open = await manager.jobs(false);
  return open.filter((job) => job.holder === holder && job.cancelledBy === undefined);
}

/** The same without those that are about to end: the one that stages go on with. */
export async function heldJob(
  manager: Pick<Manager, "jobs" | "awaitStage">,
  holder: string,
  signal: AbortSignal,
): Promise<Job | undefined> {
  for (const job of (await heldJobs(manager, holder)).toReversed()) {
    const preparation = await manager.awaitStage(job.id, 0, 0, signal);
    if (preparation.end?.result !== "job-ended") return job;
  }
  return undefined;
}
