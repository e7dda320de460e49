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
