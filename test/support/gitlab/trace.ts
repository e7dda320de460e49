import { crc32 } from "node:zlib";
import type { CoordinatedJob } from "./job.ts";

/** Answers to a runner, by its status. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

const headersOf = (job: CoordinatedJob): Record<string, string> => ({
  "Job-Status": job.state,
  Range: `0-${job.trace.length}`,
  "X-GitLab-Trace-Update-Interval": "1",
});

/** Appends to a job's trace what begins where that ends: `Content-Range: START-END`, the end inclusive. */
export function patchTrace(job: CoordinatedJob, contentRange: string | undefined, bytes: Buffer): Answer {
  const [, start, end] = /^(\d+)-(\d+)$/.exec(contentRange ?? "") ?? [];
  if (start === undefined) return { status: 400, headers: {} };
  if (job.state === "canceled") return { status: 403, headers: headersOf(job) };
  const fits = Number(start) === job.trace.length && Number(end) + 1 - Number(start) === bytes.length;
  if (fits) job.trace = Buffer.concat([job.trace, bytes]);
  return { status: fits ? 202 : 416, headers: headersOf(job) };
}

/** What a runner says of its whole trace with its last update. */
export interface TraceSummary {
  readonly checksum?: string;
  readonly bytesize?: number;
}

/**
 * Answers 200 when the whole trace has come as its runner wrote it, 202 while some is missing, and 412, forgetting it, when it is
 * another one.
 */
export function checkTrace(job: CoordinatedJob, { checksum, bytesize }: TraceSummary): 200 | 202 | 412 {
  if (bytesize === undefined || checksum === undefined) return 200;
  if (job.trace.length < bytesize) return 202;
  const actual = `crc32:${crc32(job.trace).toString(16).padStart(8, "0")}`;
  if (job.trace.length === bytesize && actual === checksum) return 200;
  job.trace = Buffer.alloc(0);
  return 412;
}

/** What the answers to a job's updates carry. */
export const updateHeadersOf = headersOf;
