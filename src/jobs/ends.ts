import { JobError, MachineLostError, MayflyError } from "../domain/errors.ts";
import type { JobEnd } from "../domain/job.ts";
import type { Notes } from "./notes.ts";
import type { JobRun } from "./run.ts";
import { orAborted } from "./waits.ts";

/** What could end a job from outside. */
export interface EndCauses {
  readonly cancel: AbortSignal;
  readonly force: AbortSignal;
  readonly lost: AbortSignal;
}

/** A job that was to be gone on with had not begun, and will not where it was to. It may begin anew elsewhere. */
export class NeverBegunError extends MayflyError {}

/** Why jobs are cancelled by a manager that stops and waits no longer. */
export class ManagerStoppedError extends MayflyError {}

/** Why a staged job is cancelled whose holder is gone. */
export class HolderGoneError extends MayflyError {}

/** Getting a job's surroundings ready took too long. */
export class PrepareTimeoutError extends MayflyError {}

/** The end of a job whose run was broken off by an error. Who cancelled it hears of nothing else. */
export function endFromError(error: unknown, { cancel, force, lost }: EndCauses): JobEnd {
  const message = error instanceof Error ? error.message : String(error);
  if (cancel.aborted || force.aborted) {
    return cancelledEnd(cancel);
  }
  if (lost.aborted) {
    return lostFrom(lost.reason instanceof Error ? lost.reason.message : message);
  }
  if (error instanceof MachineLostError) {
    return lostFrom(message);
  }
  if (error instanceof PrepareTimeoutError) {
    return { result: "timeout", message };
  }
  if (error instanceof JobError) {
    return { result: "failed", exitCode: 1, message };
  }
  return { result: "system-failure", message };
}

/** Nobody should look for the fault in the job. */
const lostFrom = (why: string): JobEnd => ({
  result: "machine-lost",
  message: `${why}; safe to retry`,
});

/** The end of a job that was cancelled: by its owner, or by a manager that stopped, which is nobody's failure. */
export function cancelledEnd({ reason }: AbortSignal): JobEnd {
  if (reason instanceof HolderGoneError) return { result: "cancelled", message: reason.message };
  return reason instanceof ManagerStoppedError
    ? { result: "system-failure", message: reason.message }
    : { result: "cancelled", message: "the job was cancelled" };
}

/** A job's end, and what is to be said before it. */
export interface Conclusion {
  readonly end: JobEnd;
  readonly said?: string | undefined;
}

/** Keeps a job's end and writes it to its log. Never rejects: its record will tell it in any case. */
export async function concludeJob(
  { end, said }: Conclusion,
  notes: Notes,
  { keep, logBytes, force }: Pick<JobRun, "keep" | "logBytes" | "force">,
): Promise<void> {
  await orAborted(keep({ phase: "ended", end, said, logBytes: logBytes() }), force).catch(() => undefined);
  await orAborted(announceEnd({ end, said }, notes), force).catch(() => undefined);
}

/** Writes a job's last line, as GitLab's runner does. */
export async function announceEnd({ end, said }: Conclusion, notes: Notes): Promise<void> {
  switch (end.result) {
    case "success":
      return notes.success("Job succeeded", said);
    case "failed":
    case "timeout":
      return notes.error(`ERROR: Job failed: ${end.message}`, said);
    case "cancelled":
      return notes.error("ERROR: Job failed: canceled", said);
    case "machine-lost":
    case "system-failure":
      return notes.error(`ERROR: Job failed (system failure): ${end.message}`, said);
  }
}

/** The word that after_script sees in CI_JOB_STATUS. */
export function statusWordFrom(end: JobEnd): "success" | "failed" | "canceled" {
  switch (end.result) {
    case "success":
      return "success";
    case "cancelled":
      return "canceled";
    case "failed":
    case "timeout":
    case "machine-lost":
    case "system-failure":
      return "failed";
  }
}
