import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { jobIdFrom, leaseIdFrom, machineIdFrom } from "../../../src/domain/ids.ts";
import type { JobProgress } from "../../../src/domain/jobProgress.ts";
import type { Machine } from "../../../src/domain/machine.ts";
import { bootingFrom, idleFrom, leasedFrom, terminatedFrom, terminatingFrom } from "../../../src/domain/moves.ts";
import { startingFrom, stoppedFrom, stoppingFrom } from "../../../src/domain/moves.ts";
import type { Change } from "../../../src/ports/store.ts";
import { openStore } from "../../../src/store/open.ts";
import { openDatabase } from "../../../src/store/sqlite.ts";
import { jobSpec, silentLogger } from "../jobs.ts";
import { endedJob, endedLease, newMachine, someKeys, waitingJob, waitingLease } from "../records.ts";

// Writes a store with a row of every kind, as this version of mayfly does, beside this file as schema-N.sql. Run it once when a
// migration was added; what an earlier version wrote is never written again.

const clock = { now: () => 10_000, monotonic: () => 0, sleep: () => Promise.resolve() };
const stateDir = mkdtempSync(join(tmpdir(), "mayfly-schema-"));
try {
  const store = await openStore(stateDir, { clock, logger: silentLogger, writer: "mayfly 0.1.0" });
  for (const change of changes()) await store.commit([change]);
  await store.close();
  const database = openDatabase(join(stateDir, "mayfly.db"));
  const version = Number(database.prepare("SELECT max(version) AS version FROM schema_version").get()?.["version"]);
  const path = fileURLToPath(new URL(`schema-${version}.sql`, import.meta.url));
  if (existsSync(path)) console.log(`${path} is there already`);
  else writeFileSync(path, dumpOf(database));
  database.close();
} finally {
  rmSync(stateDir, { recursive: true });
}

function changes(): Change[] {
  const moves = [...movesOf(machineLife()), ...movesOf(stoppedLife(), 3)];
  const machineId = machineIdFrom("m-leased");
  const [leaseId, jobId] = [leaseIdFrom("l-held"), jobIdFrom("j-running")];
  const running = { ...waitingJob("j-running"), state: "running", machineId, leaseId, startedAt: 1600 } as const;
  const trace = { folder: "/tmp/mayfly-1", nonce: "n-1" };
  const progress: JobProgress = {
    phase: "script",
    place: { jobDir: "/builds" },
    script: { trace, logBytes: 23, startedAt: 1650, deadlineAt: 61_650 },
  };
  return [
    ...moves,
    { kind: "lease", lease: waitingLease("l-waiting") },
    { kind: "lease", lease: { ...waitingLease("l-held"), state: "held", machineId, heldSince: 1500, jobId } },
    { kind: "lease", lease: endedLease("l-ended") },
    { kind: "job", job: waitingJob("j-waiting"), spec: jobSpec({ variables: { NAME: 'it\'s "quoted" – ünïcode' } }) },
    { kind: "job", job: running, spec: jobSpec({ script: ["one\ntwo"] }), progress },
    { kind: "job", job: endedJob("j-ended") },
    { kind: "pool-mode", poolName: "small", mode: "cordoned" },
    { kind: "pool-mode", poolName: "*", mode: "draining" },
    { kind: "pool-memory", poolName: "small", memory: '{"version":1}' },
    { kind: "level-decided", decision: { poolName: "small", at: 1500, record: '{"level":1}' } },
    { kind: "level-decided", decision: { poolName: "small", at: 1600, record: '{"level":2}' } },
    { kind: "shadow-memory", poolName: "small", shadowName: "three", memory: '{"version":1}' },
    { kind: "shadow-recorded", period: { poolName: "small", shadowName: "three", at: 1700, record: '{"to":1700}' } },
    { kind: "event", event: { at: 1500, machineId, leaseId, jobId, poolName: "small", what: "leased", detail: "" } },
    { kind: "event", event: { at: 1600, machineId, what: "probed", detail: "it's well" } },
    { kind: "event", event: { at: 1700, poolName: "small", what: "pool cordoned", detail: "of nobody" } },
  ];
}

/** A machine for each state of a life, from a place in it on. */
function movesOf(life: readonly Machine[], first = 0): Change[] {
  return life.slice(first).flatMap(({ state }, last) =>
    life.slice(0, first + last + 1).map((step, at): Change => {
      const machine = { ...step, id: machineIdFrom(`m-${state}`) };
      const from = life[at - 1]?.state;
      if (from === undefined) return { kind: "machine-added", machine, keys: someKeys };
      return { kind: "machine-moved", machine, from };
    }),
  );
}

/** One machine in all states but those of a stop. */
function machineLife(): Machine[] {
  const requested = newMachine("m-1");
  const booting = bootingFrom(requested, "i-1", 1100);
  const idle = idleFrom(booting, { host: "127.0.0.1", port: 22 }, 1200);
  const leased = leasedFrom(idle, leaseIdFrom("l-held"), 1500);
  const terminating = terminatingFrom(leased, "job-finished", "its job ended", 1800);
  return [requested, booting, idle, leased, terminating, terminatedFrom(terminating, 1900)];
}

/** One machine that is stopped when it is ready, and started again. */
function stoppedLife(): Machine[] {
  const requested = { ...newMachine("m-1"), recipe: "0123456789abcdef" };
  const booting = bootingFrom(requested, "i-1", 1100);
  const idle = idleFrom(booting, { host: "127.0.0.1", port: 22 }, 1200);
  const stopping = stoppingFrom(idle, 1300, 0.01);
  const stopped = stoppedFrom(stopping, 1400, 0.02);
  return [requested, booting, idle, stopping, stopped, startingFrom(stopped, 1500, 0.03)];
}

function dumpOf(database: ReturnType<typeof openDatabase>): string {
  const tables = database.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  const indexes = database.prepare("SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").all();
  const rows = tables.flatMap(({ name }) =>
    database
      .prepare(`SELECT * FROM ${name}`)
      .all()
      .map((row) => `INSERT INTO ${name} VALUES (${Object.values(row).map(literalOf).join(", ")});`),
  );
  return [...[...tables, ...indexes].map(({ sql }) => `${sql};`), ...rows, ""].join("\n");
}

function literalOf(value: unknown): string {
  return typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : String(value);
}
