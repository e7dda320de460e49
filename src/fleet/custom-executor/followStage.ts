import type { JobId } from "../../domain/ids.ts";
import type { StageEnd } from "../../domain/stage.ts";
import type { StageContext } from "./context.ts";

/** One question to the daemon stays open for so long: each is a sign of life, of which a time to live must see several. */
const POLL_MS = 10_000;
/** How long a stage that was told to end may take: its script has 10 s from TERM to KILL, and 10 s from there. */
const STOP_PATIENCE_MS = 30_000;
/** How long the rest of the output is waited for, of a stage that ended because its job did. */
const REST_PATIENCE_MS = 5_000;

/**
 * Copies what a stage says, as it comes, until it has ended. A runner that wants it to end has its script stopped on the
 * machine, one that is gone ends the whole job.
 */
export async function followStage(
  jobId: JobId,
  number: number,
  write: (bytes: Uint8Array) => Promise<void>,
  context: StageContext,
): Promise<StageEnd> {
  const { manager, cancel, orphaned } = context;
  const over = new AbortController();
  const broken = new AbortController();
  const copied = copy(jobId, number, write, context, over.signal).catch((error: unknown) => {
    // Nobody takes the output any more: the runner is not interested in the rest.
    if (!over.signal.aborted) broken.abort(error);
  });
  const stopping = AbortSignal.any([cancel, orphaned, broken.signal]);
  try {
    let end = await ended(jobId, number, context, stopping);
    if (end === undefined) {
      // A preparation has no script to stop: whoever ends it leaves the queue.
      const isWhole = orphaned.aborted || number === 0;
      await (isWhole ? manager.finishJob(jobId) : manager.stopStage(jobId, number));
      end = await stopped(jobId, number, context, over.signal);
    }
    await restOf(copied, end, context);
    if (broken.signal.aborted && !cancel.aborted) throw broken.signal.reason;
    return end;
  } finally {
    over.abort(new Error("the stage has been followed"));
  }
}

async function copy(
  jobId: JobId,
  number: number,
  write: (bytes: Uint8Array) => Promise<void>,
  { manager }: StageContext,
  signal: AbortSignal,
): Promise<void> {
  for await (const bytes of manager.stageLog(jobId, number, 0, signal)) await write(bytes);
}

/** Waits for the end; undefined when it is to be brought about. */
async function ended(
  jobId: JobId,
  number: number,
  { manager }: StageContext,
  stopping: AbortSignal,
): Promise<StageEnd | undefined> {
  try {
    for (;;) {
      stopping.throwIfAborted();
      const { end } = await manager.awaitStage(jobId, number, POLL_MS, stopping);
      if (end !== undefined) return end;
    }
  } catch (error) {
    if (stopping.aborted) return undefined;
    throw error;
  }
}

async function stopped(
  jobId: JobId,
  number: number,
  { manager }: StageContext,
  signal: AbortSignal,
): Promise<StageEnd> {
  const view = await manager.awaitStage(jobId, number, STOP_PATIENCE_MS, signal);
  return view.end ?? { result: "stopped" };
}

/** A stage that ended by itself has said all; of one whose job ended, what has come counts. */
async function restOf(copied: Promise<void>, end: StageEnd, { clock, orphaned }: StageContext): Promise<void> {
  if (end.result !== "job-ended" && !orphaned.aborted) return copied;
  const done = new AbortController();
  const late = clock.sleep(REST_PATIENCE_MS, done.signal).catch(() => undefined);
  await Promise.race([copied, late]);
  done.abort();
}
