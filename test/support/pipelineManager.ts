import { ConfigError, NotFoundError, TransientError } from "../../src/domain/errors.ts";
import { jobIdFrom, machineIdFrom } from "../../src/domain/ids.ts";
import type { JobId } from "../../src/domain/ids.ts";
import type { Job, JobEnd, JobSpec } from "../../src/domain/job.ts";
import { countByState } from "../../src/planning/observed.ts";
import type { Manager } from "../../src/ports/manager.ts";
import { health } from "./health.ts";
import { idleMachine } from "./machines.ts";
import { pool } from "./pools.ts";

/** What happens to a job of a given name; without a word it prints nothing and succeeds. */
export interface Part {
  readonly log?: string;
  readonly end?: JobEnd;
  /** Runs until it is cancelled (`soft`), or cancelled by force. */
  readonly runsUntil?: "soft" | "forced";
  /** How often reading its log breaks off after its first byte. */
  readonly breaks?: number;
  /** Runs until this resolves, and then prints `rest`. */
  readonly until?: Promise<unknown>;
  readonly rest?: string;
  /** The manager does not accept it. */
  readonly isRefused?: boolean;
}

/** A manager without machines: jobs end as their part says. */
export interface PipelineManager extends Manager {
  readonly submitted: readonly JobSpec[];
  /** Of each submit, those that were sent again too. */
  readonly keys: readonly (string | undefined)[];
  /** `NAME` or `NAME by force`, in order. */
  readonly cancelled: readonly string[];
  readonly archives: readonly Buffer[];
}

interface Life {
  readonly part: Part;
  readonly name: string;
  job: Job;
  breaks: number;
  readonly ended: PromiseWithResolvers<void>;
}

const SUCCESS: JobEnd = { result: "success", exitCode: 0 };

/** Creates the manager; keys are names of jobs. */
export function createPipelineManager(
  parts: Readonly<Record<string, Part>> = {},
  poolNames: readonly string[] = ["small"],
): PipelineManager {
  const byKey = new Map<string, JobId>();
  const lives = new Map<JobId, Life>();
  const submitted: JobSpec[] = [];
  const keys: (string | undefined)[] = [];
  const cancelled: string[] = [];
  const archives: Buffer[] = [];

  const lifeOf = (id: JobId): Life => {
    const life = lives.get(id);
    if (life === undefined) throw new NotFoundError("unknown-job", `there is no job ${id}`);
    return life;
  };
  const endJob = (life: Life, end: JobEnd): Job => {
    if (life.job.state !== "ended") {
      const phasesMs = { queued: 1, leased: 2, script: 3000, released: 4 };
      life.job = { ...life.job, state: "ended", endedAt: 2, end, phasesMs };
      life.ended.resolve();
    }
    return life.job;
  };

  const manager = {
    submitted,
    keys,
    cancelled,
    archives,
    health: async () => health(),
    pools: async () =>
      poolNames.map((name) => {
        const machines = countByState([idleMachine()]);
        return {
          desired: pool({ name }),
          mode: "open",
          isCordoned: false,
          machines,
          waitingLeases: 0,
          why: "as desired",
        };
      }),
    async putArchive(bytes: AsyncIterable<Uint8Array>) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of bytes) chunks.push(chunk);
      archives.push(Buffer.concat(chunks));
      return `archive-${archives.length}`;
    },
    async submitJob(spec: JobSpec, key?: string) {
      keys.push(key);
      const first = key === undefined ? undefined : byKey.get(key);
      if (first !== undefined) return lifeOf(first).job;
      const part = parts[spec.name] ?? {};
      if (part.isRefused) throw new ConfigError([{ place: spec.name, message: "refused" }]);
      submitted.push(spec);
      const id = jobIdFrom(`job-${submitted.length}`);
      const machineId = machineIdFrom(`machine-${submitted.length}`);
      const { name, poolName, holder } = spec;
      const job: Job = { id, name, poolName, holder, machineId, createdAt: 1, phasesMs: {}, state: "running" };
      const life: Life = { part, name, job, breaks: part.breaks ?? 0, ended: Promise.withResolvers() };
      lives.set(id, life);
      if (key !== undefined) byKey.set(key, id);
      void part.until?.then(() => endJob(life, part.end ?? SUCCESS));
      if (part.runsUntil === undefined && part.until === undefined) endJob(life, part.end ?? SUCCESS);
      return job;
    },
    async *jobLog(id: JobId, offset: number, _follow: boolean, signal: AbortSignal) {
      const life = lifeOf(id);
      const bytes = Buffer.from(life.part.log ?? "");
      if (life.breaks > 0) {
        life.breaks -= 1;
        yield bytes.subarray(offset, offset + 1);
        throw new TransientError("cut", "the connection was cut");
      }
      if (offset < bytes.length) yield bytes.subarray(offset);
      await endOrAbort(life, signal);
      const rest = Buffer.from(life.part.rest ?? "").subarray(Math.max(0, offset - bytes.length));
      if (life.job.state === "ended" && rest.length > 0) yield rest;
    },
    async awaitJob(id: JobId, _waitMs: number, signal: AbortSignal) {
      const life = lifeOf(id);
      if (life.breaks === 0) await endOrAbort(life, signal);
      return life.job;
    },
    async cancelJob(id: JobId, force: boolean) {
      const life = lifeOf(id);
      cancelled.push(force ? `${life.name} by force` : life.name);
      const isHeard = force || life.part.runsUntil === "soft";
      return isHeard ? endJob(life, { result: "cancelled", message: "the job was cancelled" }) : life.job;
    },
  };
  return manager as Partial<PipelineManager> as PipelineManager;
}

async function endOrAbort(life: Life, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<void>();
  const onAbort = (): void => aborted.resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  await Promise.race([life.ended.promise, aborted.promise]);
  signal.removeEventListener("abort", onAbort);
}
