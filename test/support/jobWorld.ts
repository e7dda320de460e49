import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { systemRandom } from "../../src/daemon/random.ts";
import type { JobId } from "../../src/domain/ids.ts";
import type { Job } from "../../src/domain/job.ts";
import type { JobService, JobServiceDeps } from "../../src/jobs/service.ts";
import { createJobService } from "../../src/jobs/service.ts";
import type { JobLogs, JobLogWriter } from "../../src/ports/files.ts";
import type { HeldMachine } from "../../src/ports/leases.ts";
import type { Store } from "../../src/ports/store.ts";
import { createMemoryStore } from "../../src/simulation/store.ts";
import { createJobLogs } from "../../src/store/jobLogs.ts";
import { createBookLeases } from "./bookLeases.ts";
import type { FakeEngine } from "./fakeEngine.ts";
import { createFakeEngine } from "./fakeEngine.ts";
import { heldMachine, silentLogger } from "./jobs.ts";
import type { LocalChannel } from "./localChannel.ts";
import { openLocalChannel } from "./localChannel.ts";
import { startProcess } from "./mortal.ts";
import type { Death, Process } from "./mortal.ts";

/** One manager of jobs, and the process that it lives in. */
export interface JobManager {
  readonly service: JobService;
  readonly process: Process;
}

/** What outlives a manager: the store, the logs on disk, and machines that are folders and processes of this host. */
export interface JobWorld {
  readonly folder: string;
  readonly store: Store;
  readonly channel: LocalChannel;
  readonly engine: FakeEngine;
  /** Starts a manager over it all. */
  start(death?: Death, changes?: Partial<JobServiceDeps>, wrapLog?: (log: JobLogWriter) => JobLogWriter): JobManager;
  /** What a manager's successor does first. */
  succeed(changes?: Partial<JobServiceDeps>): Promise<JobManager>;
  /** The whole log so far. */
  logOf(id: JobId): Promise<string>;
  /** Resolves once the log holds the text. */
  seen(id: JobId, text: string): Promise<void>;
  ended(id: JobId): Promise<Extract<Job, { readonly state: "ended" }>>;
  remove(): Promise<void>;
}

const never = new AbortController().signal;
const POLL_MS = 10;
const PATIENCE_MS = 20_000;

/** Makes a world in a folder of its own. */
export function createJobWorld(machine: Partial<HeldMachine> = {}, engine: FakeEngine = createFakeEngine()): JobWorld {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-world-"));
  mkdirSync(join(folder, "input"));
  const channel = openLocalChannel(folder);
  const store = createMemoryStore();
  const writers: JobLogWriter[] = [];
  let leaseCount = 0;

  const start: JobWorld["start"] = (death, changes = {}, wrapLog = (log) => log) => {
    const process = startProcess(death);
    const mortalStore = process.port("store", store, [
      "commit",
      "lease",
      "openLeases",
      "openJobs",
      "job",
      "jobSpec",
      "jobProgress",
    ]);
    const logs = createJobLogs(join(folder, "logs"));
    const mortalLogs: JobLogs = {
      async create(id) {
        const writer = await process.call("logs.create", async () => {
          const created = await logs.create(id);
          writers.push(created);
          return created;
        });
        return process.port("log", wrapLog(writer), ["write", "close"]);
      },
      read: logs.read,
    };
    const book = createBookLeases(
      mortalStore,
      (leaseId, machineId) =>
        heldMachine(process.channel(channel), { engine: process.engine(engine), ...machine, leaseId, machineId }),
      () => ++leaseCount,
    );
    const leases = process.port("leases", book, ["request", "waitUntilHeld", "release", "waitUntilGone"]);
    const service = createJobService({
      ...{ store: mortalStore, leases, logs: mortalLogs, clock: process.clock, random: systemRandom },
      // Its one archive is the folder `input`.
      archives: process.port(
        "archives",
        { open: async () => Readable.from([execFileSync("tar", ["-c", "-C", folder, "input"])]) },
        ["open"],
      ),
      logger: silentLogger,
      jobTimeoutMs: () => 60_000,
      folders: { builds: join(folder, "builds"), scratch: folder },
      ...changes,
    });
    return { service, process };
  };
  const logOf = async (id: JobId): Promise<string> => {
    const parts: Uint8Array[] = [];
    for await (const part of createJobLogs(join(folder, "logs")).read(id, 0, false, never)) parts.push(part);
    return Buffer.concat(parts).toString();
  };
  const until = async <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => {
    for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += POLL_MS) {
      const found = await look();
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
  };

  return {
    ...{ folder, store, channel, engine, start, logOf },
    async succeed(changes) {
      const next = start(undefined, changes);
      await next.service.adopt(true);
      return next;
    },
    async seen(id, text) {
      await until(`the log holds ${JSON.stringify(text)}`, async () =>
        (await logOf(id)).includes(text) ? true : undefined,
      );
    },
    ended: (id) =>
      until("the job has ended", async () => {
        const job = await store.job(id);
        return job?.state === "ended" ? job : undefined;
      }),
    async remove() {
      engine.endAll();
      // What a test that failed has left running on its machine; all of it has the folder's name in its command.
      spawnSync("pkill", ["-KILL", "-f", folder]);
      for (const writer of writers) await writer.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
