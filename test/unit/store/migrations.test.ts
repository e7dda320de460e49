import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { JobId, LeaseId, MachineId } from "../../../src/domain/ids.ts";
import type { Store, TimelineEvent } from "../../../src/ports/store.ts";
import { openStore } from "../../../src/store/open.ts";
import { openDatabase } from "../../../src/store/sqlite.ts";
import { silentLogger } from "../../support/jobs.ts";

/** The schema that this version writes: the step of the last migration. */
const LATEST = 7;

let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "mayfly-state-"));
});
afterEach(() => rmSync(stateDir, { recursive: true }));

const clock = { now: () => 10_000, monotonic: () => 0, sleep: () => Promise.resolve() };

async function openForTest(writer = "mayfly 0.1.0"): Promise<Store> {
  const store = await openStore(stateDir, { clock, logger: silentLogger, writer });
  onTestFinished(() => store.close());
  return store;
}

/** Runs SQL on the file beside the store; answers the rows of `query`. */
function onFile(sql: string, query = "SELECT 1"): readonly Record<string, unknown>[] {
  const database = openDatabase(join(stateDir, "mayfly.db"));
  database.exec(sql);
  const rows = database.prepare(query).all();
  database.close();
  return rows;
}

const fixtureOf = (schema: number): string =>
  fileURLToPath(new URL(`../../support/stores/schema-${schema}.sql`, import.meta.url));

/** The rows of a table of the file, as their records. */
const recordsOf = <Value>(table: string, where = "true"): Value[] =>
  onFile("", `SELECT record FROM ${table} WHERE ${where} ORDER BY rowid`).map(
    ({ record }) => JSON.parse(String(record)) as Value,
  );

describe("a store that an earlier version wrote", () => {
  it("is kept of every schema; `node test/support/stores/write.ts` writes the latest", async () => {
    await (await openForTest()).close();

    expect(onFile("", "SELECT max(version) AS latest FROM schema_version")).toEqual([{ latest: LATEST }]);
    expect(Array.from({ length: LATEST }, (_, index) => existsSync(fixtureOf(index + 1)))).not.toContain(false);
  });

  it.each(Array.from({ length: LATEST }, (_, index) => index + 1))(
    "is read whole and in order when its schema is %i",
    async (schema) => {
      onFile(readFileSync(fixtureOf(schema), "utf8"));
      const machines = recordsOf<{ id: MachineId; state: string }>("machines");
      const keys = onFile("", "SELECT id, record FROM machine_keys");
      const leases = recordsOf<{ id: LeaseId }>("leases");
      const jobs = recordsOf<{ id: JobId }>("jobs");
      const specs = onFile("", "SELECT id, record FROM job_specs");
      const events = recordsOf<TimelineEvent>("events", "machine_id = 'm-leased'");
      const modes = schema < 2 ? [] : onFile("", "SELECT pool_name, mode FROM pool_modes");
      const [memories, decisions] =
        schema < 6
          ? [[], []]
          : [onFile("", "SELECT memory FROM pool_memories"), onFile("", "SELECT at, record FROM level_decisions")];
      const shadows =
        schema < 7
          ? []
          : [...onFile("", "SELECT memory FROM shadow_memories"), ...onFile("", "SELECT record FROM shadow_periods")];
      const progress = schema < 3 ? [] : onFile("", "SELECT id, record FROM job_progress");

      const store = await openForTest();

      expect([machines.length, keys.length, leases.length, jobs.length]).toEqual([
        ...(schema < 5 ? [6, 5] : [9, 8]),
        3,
        3,
      ]);
      expect([specs.length, events.length]).toEqual([2, 2]);
      expect([modes.length, progress.length]).toEqual([schema < 2 ? 0 : 2, schema < 3 ? 0 : 1]);
      expect((await store.recentMachines(100)).toReversed()).toEqual(machines);
      expect(await store.liveMachines()).toEqual(machines.filter(({ state }) => state !== "terminated"));
      expect((await store.recentLeases(100)).toReversed()).toEqual(leases);
      expect((await store.recentJobs(100)).toReversed()).toEqual(jobs);
      expect(await store.eventsOf("m-leased" as MachineId)).toEqual(events);
      for (const { id, record } of keys) expect(await store.keysOf(id as MachineId)).toEqual(parsed(record));
      for (const { id, record } of specs) expect(await store.jobSpec(id as JobId)).toEqual(parsed(record));
      for (const { id, record } of progress) expect(await store.jobProgress(id as JobId)).toEqual(parsed(record));
      expect(shadows).toHaveLength(schema < 7 ? 0 : 2);
      expect(await store.shadowMemories("small")).toEqual(
        new Map(schema < 7 ? [] : [["three", String(shadows[0]?.["memory"])]]),
      );
      expect((await store.shadowPeriods("small", "three", 9)).map(({ record }) => record)).toEqual(
        schema < 7 ? [] : [shadows[1]?.["record"]],
      );
      expect([memories.length, decisions.length]).toEqual(schema < 6 ? [0, 0] : [1, 2]);
      expect(await store.poolMemory("small")).toBe(memories[0]?.["memory"]);
      expect(await store.decisionsOf("small", 9)).toEqual(
        decisions.toReversed().map((row) => ({ poolName: "small", ...row })),
      );
      expect([...(await store.poolModes())]).toEqual(modes.map(({ pool_name, mode }) => [pool_name, mode]));
    },
  );

  it("is left as it was when a migration fails", async () => {
    onFile(`${readFileSync(fixtureOf(2), "utf8")} CREATE TABLE job_progress (something TEXT);`);

    await expect(openForTest()).rejects.toThrow("job_progress");

    expect(onFile("", "SELECT max(version) AS version FROM schema_version")).toEqual([{ version: 2 }]);
  });
});

describe("a store of a newer version", () => {
  it("is refused with a line that names the mayfly that wrote it, and left as it is", async () => {
    await (await openForTest("mayfly 0.9.1")).close();
    onFile("INSERT INTO schema_version VALUES (99)");

    for (const _attempt of [1, 2]) {
      await expect(openForTest("mayfly 0.1.0")).rejects.toMatchObject({
        name: "SystemError",
        code: "store-newer",
        message: `${stateDir}/mayfly.db was written by mayfly 0.9.1 with schema 99, and mayfly 0.1.0 knows schemas up to ${LATEST}: run mayfly 0.9.1 or a later one here, or set another \`state_dir\``,
      });
    }
  });

  it("is refused too when it does not say who wrote it", async () => {
    onFile(readFileSync(fixtureOf(3), "utf8"));
    onFile("INSERT INTO schema_version VALUES (99)");

    await expect(openForTest()).rejects.toThrow("was written by a newer mayfly with schema 99");
  });

  it("was written by whoever opened it last", async () => {
    await (await openForTest("mayfly 0.1.0")).close();
    await (await openForTest("mayfly 0.2.0")).close();

    expect(onFile("", "SELECT mayfly FROM written_by")).toEqual([{ mayfly: "mayfly 0.2.0" }]);
  });
});

const parsed = (record: unknown): unknown => JSON.parse(String(record));
