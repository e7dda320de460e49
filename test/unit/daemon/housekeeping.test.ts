import { expect, it } from "vitest";
import { startHousekeeping } from "../../../src/daemon/housekeeping.ts";
import type { Archives } from "../../../src/ports/files.ts";
import { createVirtualClock } from "../../../src/simulation/clock.ts";
import type { PrunableJobLogs } from "../../../src/store/jobLogs.ts";
import { silentLogger } from "../../support/jobs.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START_MS = 100 * DAY_MS;

function keepHouse(pruneLogs: (beforeMs: number) => Promise<void>) {
  const archivesPruned: number[] = [];
  const clock = createVirtualClock(START_MS);
  const logs = { prune: pruneLogs } as PrunableJobLogs;
  const archives = { prune: async (beforeMs: number) => void archivesPruned.push(beforeMs) } as Archives;
  return { clock, archivesPruned, stop: startHousekeeping({ logs, archives, clock, logger: silentLogger }) };
}

it("removes logs of a month ago and archives of a week ago, at once and every six hours", async () => {
  const logsPruned: number[] = [];
  const { clock, archivesPruned, stop } = keepHouse(async (beforeMs) => void logsPruned.push(beforeMs));

  await clock.advance(12 * HOUR_MS);
  await stop();
  await clock.advance(DAY_MS);

  const rounds = [START_MS, START_MS + 6 * HOUR_MS, START_MS + 12 * HOUR_MS];
  expect(logsPruned).toEqual(rounds.map((at) => at - 30 * DAY_MS));
  expect(archivesPruned).toEqual(rounds.map((at) => at - 7 * DAY_MS));
});

it("tries again after a round that failed", async () => {
  let failures = 1;
  const { clock, archivesPruned, stop } = keepHouse(async () => {
    failures -= 1;
    if (failures >= 0) throw new Error("disk is gone");
  });

  await clock.advance(6 * HOUR_MS);
  await stop();

  expect(archivesPruned).toEqual([START_MS + 6 * HOUR_MS - 7 * DAY_MS]);
});
