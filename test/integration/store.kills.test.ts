import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it, onTestFinished } from "vitest";
import { leaseIdFrom } from "../../src/domain/ids.ts";
import { openStore } from "../../src/store/open.ts";
import { silentLogger } from "../support/jobs.ts";
import { endedJob, endedLease } from "../support/records.ts";

const WRITER = fileURLToPath(new URL("../support/storeWriter.ts", import.meta.url));
const KILLS = 12;
const CUTS = 40;

let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "mayfly-state-"));
});
afterEach(() => rmSync(stateDir, { recursive: true }));

const deps = {
  clock: { now: () => 10_000, monotonic: () => 10_000, sleep: () => Promise.resolve() },
  logger: silentLogger,
  retention: { maxRecords: 1_000_000, maxAgeMs: 3_600_000 },
};

/** Reads the store and proves that each commit is in it whole or not at all, and none without those before it. Answers how many there are. */
async function countCommits(dir = stateDir): Promise<number> {
  const store = await openStore(dir, deps);
  try {
    const leases = await store.recentLeases(1_000_000);
    const jobs = await store.recentJobs(1_000_000);
    const last = leases.length - 1;
    expect(leases.map(({ id }) => id)).toEqual(leases.map((_, index) => `l-${last - index}`));
    expect(jobs.map(({ id }) => id)).toEqual(leases.map((_, index) => `j-${last - index}`));
    for (const at of [0, last]) if (last >= 0) expect(await store.eventsOf(leaseIdFrom(`l-${at}`))).toHaveLength(1);
    return leases.length;
  } finally {
    await store.close();
  }
}

/** Runs the writer from a number on, kills it a moment after its first words, and answers what it said was durable. */
async function writeUntilKilled(start: number, aliveMs: number): Promise<number> {
  const child = spawn(process.execPath, [WRITER, stateDir, "3", "Infinity", `${start}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await once(child.stdout, "data");
  setTimeout(() => child.kill("SIGKILL"), aliveMs);
  await once(child, "close");
  // The last line may have been cut off in the middle of its number.
  const whole = said.slice(0, said.lastIndexOf("\n")).split("\n");
  return Number(whole.at(-1)?.split(" ")[0]) || start;
}

it(`holds all that was committed after each of ${KILLS} kills in the middle of writing`, async () => {
  let count = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const durable = await writeUntilKilled(count, 3 + ((kill * 37) % 120));

    const found = await countCommits();

    expect(found).toBeGreaterThanOrEqual(durable);
    count = found;
  }
  expect(count).toBeGreaterThan(KILLS * 3);
});

it("opens, and holds a whole beginning of its commits, wherever its journal is torn off", async () => {
  const store = await openStore(stateDir, deps);
  for (let count = 0; count < 30; count += 1) {
    await store.commit([
      { kind: "lease", lease: endedLease(`l-${count}`) },
      { kind: "job", job: endedJob(`j-${count}`) },
      { kind: "event", event: { at: count, leaseId: leaseIdFrom(`l-${count}`), what: "lease ended", detail: "" } },
    ]);
  }
  const torn = join(stateDir, "torn");
  mkdirSync(torn);
  const journal = readFileSync(join(stateDir, "mayfly.db-wal"));
  const counts: number[] = [];

  for (let cut = 1; cut <= CUTS; cut += 1) {
    const bytes = Math.round((journal.length * cut) / CUTS) - (cut === CUTS ? 0 : cut * 13);
    for (const name of ["mayfly.db-wal", "mayfly.db-shm"]) rmSync(join(torn, name), { force: true });
    copyFileSync(join(stateDir, "mayfly.db"), join(torn, "mayfly.db"));
    writeFileSync(join(torn, "mayfly.db-wal"), journal.subarray(0, bytes));
    counts.push(await countCommits(torn));
  }
  await store.close();

  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  expect(counts.at(-1)).toBe(30);
  expect(new Set(counts).size).toBeGreaterThan(10);
});
