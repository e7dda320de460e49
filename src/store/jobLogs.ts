import { mkdir, open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { NotFoundError } from "../domain/errors.ts";
import type { EpochMs, JobId } from "../domain/ids.ts";
import type { JobLogs, JobLogWriter } from "../ports/files.ts";
import { isMissing, onDisk } from "./files.ts";
import { removeOlder } from "./removeOlder.ts";

const CHUNK_BYTES = 64 * 1024;

/** Logs that can be thrown away. */
export interface PrunableJobLogs extends JobLogs {
  /** Removes the logs that were last written before an instant. */
  prune(writtenBeforeMs: EpochMs): Promise<void>;
}

/** A log that is being written in this process. */
interface LiveLog {
  writtenBytes: number;
  isClosed: boolean;
  /** Readers that have read all there is. Called once, on the next write or the close. */
  readonly wakers: Set<() => void>;
}

/** Keeps each job's log as a plain file, mode 0600. Readers follow the writer without polling and lag at their own pace. */
export function createJobLogs(dir: string): PrunableJobLogs {
  const liveById = new Map<JobId, LiveLog>();
  return {
    async create(jobId) {
      await onDisk(`make ${dir}`, mkdir(dir, { recursive: true, mode: 0o700 }));
      const handle = await openLog(dir, jobId, "a");
      const { size } = await handle.stat();
      const live: LiveLog = { writtenBytes: size, isClosed: false, wakers: new Set() };
      liveById.set(jobId, live);
      return logWriter(handle, live, jobId, () => {
        if (liveById.get(jobId) === live) liveById.delete(jobId);
      });
    },
    async *read(jobId, offset, follow, signal) {
      signal.throwIfAborted();
      const live = follow ? liveById.get(jobId) : undefined;
      const handle = await openLog(dir, jobId, "r");
      try {
        let position = Math.max(0, offset);
        for (;;) {
          // Asked before reading: what is written between the two is met by the next round.
          const isLast = live === undefined || live.isClosed;
          // What a write has put there is read once all of it is there: on a full disk it may be taken back.
          const mostBytes = isLast ? CHUNK_BYTES : Math.min(CHUNK_BYTES, live.writtenBytes - position);
          const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
          const { bytesRead } = mostBytes > 0 ? await handle.read(buffer, 0, mostBytes, position) : { bytesRead: 0 };
          signal.throwIfAborted();
          position += bytesRead;
          if (bytesRead > 0) yield buffer.subarray(0, bytesRead);
          else if (isLast) return;
          else if (live.writtenBytes <= position && !live.isClosed) await nextChange(live, signal);
        }
      } finally {
        await handle.close();
      }
    },
    prune: (writtenBeforeMs) => removeOlder(dir, writtenBeforeMs),
  };
}

function logWriter(handle: FileHandle, live: LiveLog, jobId: JobId, forget: () => void): JobLogWriter {
  let last: Promise<void> = Promise.resolve();
  let closing: Promise<void> | undefined;
  const append = async (bytes: Uint8Array): Promise<void> => {
    try {
      await onDisk(`write the log of job ${jobId}`, handle.appendFile(bytes));
    } catch (error) {
      // What fitted is taken back, so that the writer may try again. A full disk always has room for less.
      await handle.truncate(live.writtenBytes).catch(() => undefined);
      throw error;
    }
    live.writtenBytes += bytes.length;
    wakeReaders(live);
  };
  return {
    get sizeBytes() {
      return live.writtenBytes;
    },
    write(bytes) {
      // In order, also for a caller that does not wait; one failed write does not stop the next.
      const next = last.catch(() => undefined).then(() => append(bytes));
      last = next;
      return next;
    },
    close() {
      closing ??= last
        .catch(() => undefined)
        .then(() => handle.close())
        .finally(() => {
          live.isClosed = true;
          forget();
          wakeReaders(live);
        });
      return closing;
    },
  };
}

function wakeReaders(live: LiveLog): void {
  const wakers = [...live.wakers];
  live.wakers.clear();
  for (const wake of wakers) wake();
}

function nextChange(live: LiveLog, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const wake = (): void => {
      signal.removeEventListener("abort", abort);
      resolve();
    };
    const abort = (): void => {
      live.wakers.delete(wake);
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    live.wakers.add(wake);
  });
}

async function openLog(dir: string, jobId: JobId, flags: "a" | "r"): Promise<FileHandle> {
  const missing = new NotFoundError("log-not-found", `There is no log of job ${jobId}`);
  // The id may come from a stranger's URL: it must not lead out of the directory.
  if (!/^[\w-]+$/.test(jobId)) throw missing;
  try {
    return await onDisk(`open the log of job ${jobId}`, open(join(dir, `${jobId}.log`), flags, 0o600));
  } catch (error) {
    throw isMissing(error) ? missing : error;
  }
}
