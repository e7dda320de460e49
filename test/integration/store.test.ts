import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it, onTestFinished } from "vitest";
import { leaseIdFrom, machineIdFrom } from "../../src/domain/ids.ts";
import { terminatedFrom, terminatingFrom } from "../../src/domain/moves.ts";
import { openStore } from "../../src/store/open.ts";
import { silentLogger } from "../support/jobs.ts";
import { endedLease, newMachine, someKeys, waitingLease } from "../support/records.ts";

const WRITER = fileURLToPath(new URL("../support/storeWriter.ts", import.meta.url));

let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "mayfly-state-"));
});
afterEach(() => rmSync(stateDir, { recursive: true }));

let now = 10_000;
const deps = { clock: { now: () => now, monotonic: () => now, sleep: () => Promise.resolve() }, logger: silentLogger };

async function openForTest(dir = stateDir) {
  const store = await openStore(dir, deps);
  onTestFinished(() => store.close());
  return store;
}

function startWriter(nodeFlags: readonly string[], ...rest: string[]) {
  const child = spawn(process.execPath, [...nodeFlags, WRITER, stateDir, ...rest], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const complaints: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (text: string) => complaints.push(text));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, lines, complaints, closed: once(child, "close") };
}

async function killHard(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

it("refuses a second process at once, names the first, and lets go with its death", async () => {
  const { child, lines } = startWriter([]);
  await lines.next();

  await expect(openStore(stateDir, deps)).rejects.toMatchObject({
    name: "ConflictError",
    code: "state-dir-in-use",
    message: expect.stringMatching(
      new RegExp(`in use by process ${child.pid}: stop it \\(kill ${child.pid}\\), or set`),
    ),
  });

  await killHard(child);
  const store = await openForTest();
  expect(await store.liveMachines()).toEqual([]);
});

it("refuses a second store of the same process too, until the first is closed", async () => {
  const store = await openForTest();

  await expect(openStore(stateDir, deps)).rejects.toMatchObject({ code: "state-dir-in-use" });
  await store.close();
  await expect(openForTest()).resolves.toBeDefined();
});

it("keeps its memory while it commits ten thousand times, and prunes what is over", async () => {
  const { lines, complaints, closed } = startWriter(["--expose-gc"], "100", "100");
  const heapByCount = new Map<number, number>();
  for await (const line of { [Symbol.asyncIterator]: () => lines }) {
    const [count = "", heapBytes = ""] = line.split(" ");
    heapByCount.set(Number(count), Number(heapBytes));
  }
  await closed;

  expect(complaints.join("")).toBe("");
  const growth = (heapByCount.get(10_000) ?? Number.NaN) - (heapByCount.get(2000) ?? Number.NaN);
  expect(growth).toBeLessThan(2_000_000);
  const store = await openForTest();
  expect((await store.recentLeases(1_000_000)).length).toBeLessThanOrEqual(1100);
}, 60_000);

it("keeps its files to its owner", async () => {
  const dir = join(stateDir, "made", "by", "the-store");
  const store = await openForTest(dir);
  await store.commit([{ kind: "machine-added", machine: newMachine("m-1"), keys: someKeys }]);

  expect(statSync(dir).mode & 0o777).toBe(0o700);
  const modes = readdirSync(dir).map((name) => [name, (statSync(join(dir, name)).mode & 0o777).toString(8)]);
  expect(modes.map(([name]) => name)).toContain("mayfly.db-wal");
  expect(modes.filter(([, mode]) => mode !== "600")).toEqual([]);
});

it("says so when its file is no store", async () => {
  writeFileSync(join(stateDir, "mayfly.db"), "this is a letter to my aunt, not a database\n".repeat(100));

  await expect(openStore(stateDir, deps)).rejects.toMatchObject({ name: "SystemError", code: "store-corrupt" });
});

it("says so when a page in the middle of its file is damaged", async () => {
  const store = await openForTest();
  for (let count = 0; count < 200; count += 1)
    await store.commit([{ kind: "lease", lease: waitingLease(`l-${count}`) }]);
  await store.close();
  const path = join(stateDir, "mayfly.db");
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(0xa5, bytes.length / 2, bytes.length / 2 + 8192));

  const error = await openStore(stateDir, deps).catch((reason: unknown) => reason);

  expect(error).toMatchObject({ name: "SystemError", code: "store-corrupt" });
  expect((error as Error).message).toMatch(/^.*mayfly\.db is damaged \(.+\): restore it from a copy, or move it .+$/);
});

it("says so when the state directory cannot be made", async () => {
  writeFileSync(join(stateDir, "file"), "");

  await expect(openStore(join(stateDir, "file", "state"), deps)).rejects.toMatchObject({
    name: "SystemError",
    code: "state-dir-unusable",
  });
});

it("finds everything again after a restart", async () => {
  const first = await openForTest();
  await first.commit([
    { kind: "machine-added", machine: newMachine("m-1"), keys: someKeys },
    { kind: "lease", lease: waitingLease("l-1") },
  ]);
  await first.close();

  const second = await openForTest();

  expect(await second.liveMachines()).toEqual([newMachine("m-1")]);
  expect(await second.keysOf(machineIdFrom("m-1"))).toEqual(someKeys);
  expect(await second.openLeases()).toEqual([waitingLease("l-1")]);
});

it("writes what was asked for before it closes", async () => {
  const store = await openForTest();
  const committed = store.commit([{ kind: "lease", lease: waitingLease("l-1") }]);
  await store.close();

  await expect(committed).resolves.toBeUndefined();
  expect(await (await openForTest()).openLeases()).toEqual([waitingLease("l-1")]);
});

it("forgets what ended too long ago, its events with the last of their owners, and nothing that lives", async () => {
  const dayMs = 86_400_000;
  const terminating = terminatingFrom(newMachine("m-1"), "operator", "by hand", 1400);
  const event = { at: 1, machineId: terminating.id, leaseId: leaseIdFrom("l-live"), what: "leased", detail: "" };
  const first = await openForTest();
  await first.commit([
    { kind: "machine-added", machine: newMachine("m-1"), keys: someKeys },
    { kind: "machine-moved", machine: terminating, from: "requested" },
    { kind: "machine-moved", machine: terminatedFrom(terminating, 1500), from: "terminating" },
    { kind: "lease", lease: waitingLease("l-live") },
    { kind: "lease", lease: endedLease("l-old", 1500) },
    { kind: "lease", lease: endedLease("l-new", 20 * dayMs) },
    { kind: "event", event },
  ]);
  await first.close();
  now = 31 * dayMs;

  const store = await openForTest();

  expect(await store.machine(terminating.id)).toBeUndefined();
  expect((await store.recentLeases(10)).map(({ id }) => id)).toEqual(["l-new", "l-live"]);
  expect(await store.eventsOf(terminating.id)).toEqual([]);
  expect(await store.eventsOf(leaseIdFrom("l-live"))).toEqual([event]);
});

it("removes the bytes of a terminated machine's keys from the file", async () => {
  const secret = "THE-SECRET-OF-M-1";
  const keys = { ...someKeys, host: { publicKey: "p", privateKey: secret } };
  const terminating = terminatingFrom(newMachine("m-1"), "operator", "by hand", 1400);
  const store = await openForTest();
  await store.commit([{ kind: "machine-added", machine: newMachine("m-1"), keys }]);
  await store.commit([
    { kind: "machine-moved", machine: terminating, from: "requested" },
    { kind: "machine-moved", machine: terminatedFrom(terminating, now), from: "terminating" },
  ]);
  await store.close();
  const contents = readdirSync(stateDir).map((name) => readFileSync(join(stateDir, name), "latin1"));
  expect(contents.filter((content) => content.includes(secret))).toEqual([]);
});
