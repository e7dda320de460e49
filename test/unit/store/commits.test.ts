import { expect, it } from "vitest";
import { jobIdFrom } from "../../../src/domain/ids.ts";
import type { Change } from "../../../src/ports/store.ts";
import { createCommitQueue } from "../../../src/store/commits.ts";
import { openDatabase, storeErrorFrom } from "../../../src/store/sqlite.ts";

const note = (detail: string): Change => ({
  kind: "event",
  event: { at: 1, jobId: jobIdFrom("j-1"), what: "noted", detail },
});

function openQueue(maxPages: number) {
  const database = openDatabase(":memory:");
  database.exec(`CREATE TABLE notes (text TEXT); PRAGMA max_page_count = ${maxPages}`);
  const insert = database.prepare("INSERT INTO notes VALUES (?)");
  const apply = (change: Change): void => {
    insert.run(change.kind === "event" ? change.event.detail : change.kind);
  };
  const queue = createCommitQueue(database, apply, (error) => storeErrorFrom(error, "notes.db"));
  const notes = () =>
    database
      .prepare("SELECT text FROM notes")
      .all()
      .map((row) => String(row["text"]));
  return { database, queue, notes };
}

it("fails what does not fit on the disk, and not the small commits beside it", async () => {
  const { queue, notes } = openQueue(4);

  const settled = await Promise.allSettled([
    queue.commit([note("a")]),
    queue.commit([note("b"), note("x".repeat(100_000))]),
    queue.commit([note("c")]),
  ]);

  expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(settled[1]).toMatchObject({ reason: { name: "SystemError", code: "disk-full" } });
  expect(notes()).toEqual(["a", "c"]);
});

it("rejects every commit when the database is gone", async () => {
  const { database, queue } = openQueue(100);
  database.close();

  const settled = await Promise.allSettled([queue.commit([note("a")]), queue.commit([note("b")])]);

  expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
});

it("tries a commit again for which room was made, and no other", async () => {
  const database = openDatabase(":memory:");
  database.exec("CREATE TABLE notes (text TEXT); PRAGMA max_page_count = 2");
  const insert = database.prepare("INSERT INTO notes VALUES (?)");
  const apply = (change: Change): void => void insert.run(change.kind === "event" ? change.event.detail : change.kind);
  const asked: unknown[] = [];
  const makeRoom = (error: unknown, changes: readonly Change[]): boolean => {
    asked.push([(storeErrorFrom(error, "notes.db") as Error).message, changes.length]);
    if (changes.length > 1 || asked.length > 2) return false;
    database.exec("PRAGMA max_page_count = 100");
    return true;
  };
  const queue = createCommitQueue(database, apply, (error) => storeErrorFrom(error, "notes.db"), makeRoom);

  const settled = await Promise.allSettled([
    queue.commit([note("x".repeat(10_000)), note("not for this")]),
    queue.commit([note("y".repeat(10_000))]),
  ]);

  expect(settled.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  expect(asked).toEqual([
    [expect.stringContaining("No space left"), 2],
    [expect.stringContaining("No space left"), 1],
  ]);
  expect(database.prepare("SELECT count(*) AS notes FROM notes").get()).toEqual({ notes: 1 });
});

it("writes a single commit in the next turn, and lets those gather that come in numbers", async () => {
  const { database, queue } = openQueue(100);
  let written = 0;
  const exec = database.exec.bind(database);
  database.exec = (sql) => {
    written += Number(sql === "COMMIT");
    exec(sql);
  };
  const turns = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
  };

  await queue.commit([note("a")]);
  await Promise.all([queue.commit([note("b")]), queue.commit([note("c")])]);
  const many = [];
  for (let n = 0; n < 8; n++) {
    many.push(queue.commit([note("d")]));
    await turns(1);
  }
  await Promise.all(many);

  expect(written).toBe(3);
  await queue.commit([note("e")]);
  queue.flush();
  expect(written).toBe(4);
});
