import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { FAILED_SEEDS } from "./failedSeeds.ts";
import { DAYS_MS, liveThrough, range } from "./liveThrough.ts";

const PRINT_DAY = fileURLToPath(new URL("../support/printDay.ts", import.meta.url));

it("keeps every promise on days without a fault", { timeout: DAYS_MS }, async () => {
  for (const seed of range(1, 10)) expect((await liveThrough(seed, [])).jobsServed).toBeGreaterThan(0);
});

it("keeps every promise on days with all faults", { timeout: DAYS_MS }, async () => {
  const struck = new Set<string>();

  for (const seed of range(1, 70)) for (const kind of (await liveThrough(seed)).faults.keys()) struck.add(kind);

  expect(struck.size).toBeGreaterThan(35);
});

it.each(FAILED_SEEDS)(
  "keeps every promise on day $seed, which once showed that $why",
  {
    timeout: DAYS_MS,
  },
  async ({ seed }) => {
    await liveThrough(seed);
  },
);

it("lives through the same day twice, event by event, the second time in another process", {
  timeout: DAYS_MS,
}, async () => {
  const { hash, portCalls } = await liveThrough(3);

  const { stdout } = await promisify(execFile)(process.execPath, [PRINT_DAY, "3"]);

  expect(JSON.parse(stdout)).toEqual({ hash, portCalls });
});
