import { appendFileSync, mkdtempSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { jobIdFrom } from "../../../src/domain/ids.ts";
import { createJobLogs } from "../../../src/store/jobLogs.ts";
import type { PrunableJobLogs } from "../../../src/store/jobLogs.ts";

const id = jobIdFrom("j-1");
const never = new AbortController().signal;

let dir: string;
let logs: PrunableJobLogs;
beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), "mayfly-logs-")), "logs");
  logs = createJobLogs(dir);
});
afterEach(() => rmSync(join(dir, ".."), { recursive: true }));

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

it("reads what was written, from any offset on", async () => {
  const writer = await logs.create(id);
  await writer.write(bytes("hello "));
  await writer.write(bytes("world"));
  await writer.close();

  expect(await textOf(logs.read(id, 0, false, never))).toBe("hello world");
  expect(await textOf(logs.read(id, 6, true, never))).toBe("world");
  expect(await textOf(logs.read(id, 100, true, never))).toBe("");
});

it("keeps the order of writes that nobody waited for", async () => {
  const writer = await logs.create(id);
  const expected = Array.from({ length: 200 }, (_, index) => `${index}\n`);

  const writes = expected.map((text) => writer.write(bytes(text)));
  await writer.close();
  await Promise.all(writes);

  expect(await textOf(logs.read(id, 0, false, never))).toBe(expected.join(""));
});

it("follows the writer chunk by chunk until it closes", async () => {
  const writer = await logs.create(id);
  const reader = logs.read(id, 0, true, never)[Symbol.asyncIterator]();
  const next = async (): Promise<string | undefined> => {
    const { value, done } = await reader.next();
    return done === true ? undefined : Buffer.from(value).toString();
  };

  const first = next();
  await writer.write(bytes("one"));
  expect(await first).toBe("one");

  const second = next();
  await writer.write(bytes("two"));
  expect(await second).toBe("two");

  const end = next();
  await writer.close();
  expect(await end).toBeUndefined();
});

it("does not wait for more without follow", async () => {
  const writer = await logs.create(id);
  await writer.write(bytes("so far"));

  expect(await textOf(logs.read(id, 0, false, never))).toBe("so far");
  await writer.close();
});

it("gives many followers the whole of a long log, however they lag", async () => {
  const writer = await logs.create(id);
  const followers = [0, 1, 2].map((offset) => textOf(logs.read(id, offset, true, never)));
  const block = Buffer.alloc(100_000, "x");

  for (let count = 0; count < 20; count += 1) await writer.write(block);
  await writer.close();

  expect((await Promise.all(followers)).map((text) => text.length)).toEqual([2_000_000, 1_999_999, 1_999_998]);
});

it("ends a follower with the reason of its abort", async () => {
  const writer = await logs.create(id);
  const abort = new AbortController();
  const following = textOf(logs.read(id, 0, true, abort.signal));

  abort.abort(new Error("gone home"));

  await expect(following).rejects.toThrow("gone home");
  await writer.close();
});

it("goes on behind what an earlier process wrote", async () => {
  const before = await logs.create(id);
  await before.write(bytes("before "));
  await before.close();

  const after = await createJobLogs(dir).create(id);
  await after.write(bytes("after"));
  await after.close();

  expect(await textOf(logs.read(id, 0, true, never))).toBe("before after");
});

it.each(["j-2", "../j-1", "", "a/b"])("knows no log of job %j", async (jobId) => {
  await (await logs.create(id)).close();

  await expect(textOf(logs.read(jobIdFrom(jobId), 0, false, never))).rejects.toMatchObject({ name: "NotFoundError" });
});

it("names a disk that is full", async () => {
  // Every write to /dev/full fails with ENOSPC; the log of a job whose file leads there does too.
  await (await logs.create(id)).close();
  symlinkSync("/dev/full", join(dir, "j-full.log"));
  const writer = await logs.create(jobIdFrom("j-full"));

  await expect(writer.write(bytes("x"))).rejects.toMatchObject({ name: "SystemError", code: "disk-full" });
  await writer.close();
});

it("shows a follower nothing of a write that is under way, which a full disk may take back", async () => {
  const writer = await logs.create(id);
  await writer.write(bytes("whole "));
  const reader = logs.read(id, 0, true, never)[Symbol.asyncIterator]();
  // As much of the next write as found room.
  appendFileSync(join(dir, "j-1.log"), "part");

  const first = await reader.next();
  truncateSync(join(dir, "j-1.log"), "whole ".length);
  await writer.write(bytes("other"));
  const second = await reader.next();
  await writer.close();

  expect(Buffer.from(first.value ?? []).toString()).toBe("whole ");
  expect(Buffer.from(second.value ?? []).toString()).toBe("other");
  await reader.return?.();
});

it("keeps logs to their owner, and removes old ones", async () => {
  await (await logs.create(id)).close();
  await (await logs.create(jobIdFrom("j-2"))).close();
  const path = join(dir, "j-1.log");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  utimesSync(path, 1, 1);

  await logs.prune(2000);

  await expect(textOf(logs.read(id, 0, false, never))).rejects.toMatchObject({ name: "NotFoundError" });
  expect(await textOf(logs.read(jobIdFrom("j-2"), 0, false, never))).toBe("");
});

it("has nothing to prune where nothing was written", async () => {
  await expect(logs.prune(2000)).resolves.toBeUndefined();
});
