import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Archives } from "../../../src/ports/files.ts";
import { createArchives } from "../../../src/store/archives.ts";

const never = new AbortController().signal;

let dir: string;
let archives: Archives;
let now: number;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "mayfly-archives-"));
  now = 10_000;
  archives = createArchives(dir, { clock: { now: () => now } });
});
afterEach(() => rmSync(dir, { recursive: true }));

async function* streamOf(...texts: string[]): AsyncIterable<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

it("answers the SHA-256 of the bytes and gives them back", async () => {
  const archiveId = await archives.put(streamOf("a", "bc"), never);

  expect(archiveId).toBe(createHash("sha256").update("abc").digest("hex"));
  expect(await buffer(await archives.open(archiveId))).toEqual(Buffer.from("abc"));
});

it("stores the same bytes once, readable by their owner alone", async () => {
  const ids = await Promise.all([archives.put(streamOf("a", "b"), never), archives.put(streamOf("ab"), never)]);

  expect(new Set(ids).size).toBe(1);
  expect(readdirSync(dir)).toEqual([`${ids[0]}.tar`]);
  expect(statSync(join(dir, `${ids[0]}.tar`)).mode & 0o777).toBe(0o600);
});

it("leaves nothing of an upload that broke off", async () => {
  const broken = (async function* () {
    yield Buffer.from("half");
    throw new Error("peer hung up");
  })();

  await expect(archives.put(broken, never)).rejects.toThrow("peer hung up");
  expect(readdirSync(dir)).toEqual([]);
});

it("leaves nothing of an upload that was aborted", async () => {
  const abort = new AbortController();
  const slow = (async function* () {
    yield Buffer.from("half");
    abort.abort(new Error("not any more"));
    yield Buffer.from("other half");
  })();

  await expect(archives.put(slow, abort.signal)).rejects.toThrow("not any more");
  expect(readdirSync(dir)).toEqual([]);
});

it.each(["", "../x", "0".repeat(64), "A".repeat(64)])("knows no archive %j", async (archiveId) => {
  await expect(archives.open(archiveId)).rejects.toMatchObject({ name: "NotFoundError", code: "archive-not-found" });
});

it("removes what was last used too long ago", async () => {
  const [used, unused] = [await archives.put(streamOf("used"), never), await archives.put(streamOf("unused"), never)];
  now = 60_000;
  (await archives.open(used)).destroy();

  await archives.prune(30_000);

  expect(readdirSync(dir)).toEqual([`${used}.tar`]);
  await expect(archives.open(unused)).rejects.toMatchObject({ name: "NotFoundError" });
});
