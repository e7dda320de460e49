import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { Readable } from "node:stream";
import { systemClock } from "../../src/daemon/clock.ts";
import { systemRandom } from "../../src/daemon/random.ts";
import type { JobSpec } from "../../src/domain/job.ts";
import type { JobProgress } from "../../src/domain/jobProgress.ts";
import type { BegunProgress, JobRun, RunJobDeps } from "../../src/jobs/run.ts";
import { runJob } from "../../src/jobs/run.ts";
import type { Channel } from "../../src/ports/channel.ts";
import type { HeldMachine } from "../../src/ports/leases.ts";
import { heldMachine, jobSpec, silentLogger } from "./jobs.ts";

/** A job that a test has started, and what is seen of it. */
export interface StartedJob {
  readonly done: ReturnType<typeof runJob>;
  /** All output so far. */
  text(): string;
  bytes(): Buffer;
  /** Resolves once the output holds the text. */
  seen(text: string): Promise<void>;
  readonly cancel: AbortController;
  readonly force: AbortController;
  readonly handOver: AbortController;
  /** How far it was, step by step. */
  readonly kept: readonly JobProgress[];
}

/** Where a test's job runs. The archive that it may have is the folder `input` in `folder`. */
export interface JobPlace {
  readonly folder: string;
  readonly channel: Channel;
  readonly machine?: Partial<HeldMachine>;
  readonly run?: Partial<JobRun>;
  readonly deps?: Partial<RunJobDeps>;
  /** How far an earlier run was, and what it had written. */
  readonly begun?: BegunProgress;
  readonly log?: Uint8Array;
}

/** Starts a job on a channel of this host, with all folders in one. */
export function startJob(
  changes: Partial<JobSpec>,
  { folder, channel, machine, run, deps, begun, log }: JobPlace,
): StartedJob {
  const chunks: Uint8Array[] = log === undefined ? [] : [log];
  const waiters = new Map<string, () => void>();
  const cancel = new AbortController();
  const force = new AbortController();
  const handOver = new AbortController();
  const kept: JobProgress[] = [];
  const text = (): string => Buffer.concat(chunks).toString();
  const output = async (bytes: Uint8Array): Promise<void> => {
    chunks.push(Buffer.from(bytes));
    for (const [awaited, resolve] of waiters) {
      if (text().includes(awaited)) {
        resolve();
      }
    }
  };
  const done = runJob(
    jobSpec(changes),
    heldMachine(channel, machine),
    {
      ...{ output, cancel: cancel.signal, force: force.signal, handOver: handOver.signal },
      ...{ timeoutMs: 15_000, onPhase: () => undefined },
      logBytes: () => chunks.reduce((length, chunk) => length + chunk.length, 0),
      keep: async (progress) => void kept.push(progress),
      ...run,
    },
    {
      archives: { open: async () => Readable.from([execFileSync("tar", ["-c", "-C", folder, "input"])]) },
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      folders: { builds: join(folder, "builds"), scratch: folder },
      ...deps,
    },
    begun,
  );
  const seen = (awaited: string): Promise<void> =>
    new Promise((resolve) => {
      waiters.set(awaited, resolve);
      if (text().includes(awaited)) {
        resolve();
      }
    });
  return { done, text, bytes: () => Buffer.concat(chunks), seen, cancel, force, handOver, kept };
}
