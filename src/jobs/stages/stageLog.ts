import type { JobId } from "../../domain/ids.ts";
import type { JobLogs } from "../../ports/files.ts";
import type { StageDesk } from "./desk.ts";

/** Reads what one stage has said and says, from an offset within it, until the stage has ended. */
export async function* readStageLog(
  logs: Pick<JobLogs, "read">,
  desk: StageDesk,
  id: JobId,
  number: number,
  offset: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const span = await desk.span(number, signal);
  if (span === undefined) return;
  const over = new AbortController();
  let to: number | undefined;
  const ended = span.to.then((logBytes) => {
    to = logBytes;
    over.abort();
  });
  let position = span.from + offset;
  // What comes behind the stage's end is the next one's.
  const clipped = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, Math.max(0, (to ?? Infinity) - position));
  try {
    for await (const bytes of logs.read(id, position, true, AbortSignal.any([signal, over.signal]))) {
      const mine = clipped(bytes);
      position += mine.length;
      yield mine;
    }
  } catch (error) {
    if (!over.signal.aborted) throw error;
  }
  signal.throwIfAborted();
  await ended;
  for await (const bytes of logs.read(id, position, false, signal)) {
    const mine = clipped(bytes);
    if (mine.length === 0) return;
    position += mine.length;
    yield mine;
  }
}
