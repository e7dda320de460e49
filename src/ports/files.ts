import type { Readable } from "node:stream";
import type { JobId } from "../domain/ids.ts";

/** A job's log, written as it comes. Resolving of `write` is the back-pressure. */
export interface JobLogWriter {
  /** Size of the log. */
  readonly sizeBytes: number;
  /** Appends all or nothing. @throws SystemError `disk-full` when there is no room. */
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Logs of jobs, on disk: no limit on length, no growth of memory. */
export interface JobLogs {
  create(jobId: JobId): Promise<JobLogWriter>;
  /** Bytes from `offset` on; with `follow` it goes on until the writer is closed. @throws NotFoundError when there is no such log. */
  read(jobId: JobId, offset: number, follow: boolean, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Uploaded tar archives, named by the SHA-256 of their bytes. */
export interface Archives {
  /** Stores a tar stream and answers its id. The same bytes are stored once. @throws SystemError when the disk is full. */
  put(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string>;
  /** @throws NotFoundError when it is not there. */
  open(archiveId: string): Promise<Readable>;
  /** Removes what was last used before `usedBeforeMs` (epoch ms). */
  prune(usedBeforeMs: number): Promise<void>;
}
