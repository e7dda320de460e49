import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { createMemoryStore } from "../../src/simulation/store.ts";
import { openStore } from "../../src/store/open.ts";
import { silentLogger } from "../support/jobs.ts";
import { describeStore } from "./store.ts";

const folder = mkdtempSync(join(tmpdir(), "mayfly-store-"));
afterAll(() => rmSync(folder, { recursive: true }));

// Records of the suite are of the year 1970.
const clock = { now: () => 10_000, monotonic: () => 0, sleep: () => Promise.resolve() };

describeStore("memory store", async (maxRecords) => createMemoryStore(maxRecords));

describeStore("SQLite store", (maxRecords) => {
  const retention = { maxRecords, maxAgeMs: 3_600_000 };
  return openStore(mkdtempSync(join(folder, "state-")), { clock, logger: silentLogger, retention });
});
