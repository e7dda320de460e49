import { expect, it } from "vitest";
import { machineReadyTimes } from "../../../src/planning/capacity/baseStock.ts";
import { explainWaitOf } from "../../../src/planning/explainJob.ts";

const over = { isOver: true, createdAt: 100_000, usdPerHour: 0.36 };

it("says where a wait went, the longest part first, and what one more idle machine would have saved for how much", () => {
  const before = { createdAt: 60_000, machineReadyAt: 70_000 };

  const explained = explainWaitOf({ ...over, parts: { "no-idle-machine": 500, boot: 20_500 }, before });

  expect(explained).toEqual({
    waitedMs: 21_000,
    why: "it waited 21 s: 21 s for a boot, 0.5 s until a machine was ordered, since none was idle; one more idle machine would have saved 21 s for $0.0040",
    oneMore: { savedMs: 21_000, costUsd: 0.004 },
  });
});

it("saves only what the machine of the job before would have come earlier", () => {
  const before = { createdAt: 99_000, machineReadyAt: 115_000 };

  expect(explainWaitOf({ ...over, parts: { boot: 20_000 }, before }).oneMore?.savedMs).toBe(5_000);
});

it("says that idle machines would not have helped against a limit", () => {
  const { why, oneMore } = explainWaitOf({ ...over, parts: { "max-machines": 60_000, boot: 5_000 } });

  expect(why).toBe(
    "it waited 65 s: 60 s for max_machines of the pool, 5.0 s for a boot; no idle machine would have helped against that",
  );
  expect(oneMore).toBeUndefined();
});

it("says nothing of what would have been while a job waits still, or never waited", () => {
  expect(explainWaitOf({ ...over, isOver: false, parts: { budget: 3_000 } })).toEqual({
    waitedMs: 3_000,
    why: "it has waited 3.0 s: 3.0 s for the budget of the day",
  });
  expect(explainWaitOf({ ...over, parts: {} })).toEqual({ waitedMs: 0, why: "it got an idle machine at once" });
});

it("tells the saving that a replay of a level one higher shows, for every job", () => {
  const [arrivals, bootMs, level] = [[0, 40_000, 50_000, 55_000, 200_000, 204_000, 205_000], 30_000, 1];
  const readyAt = machineReadyTimes(Float64Array.from(arrivals), () => bootMs);
  const machineOf = (job: number, of: number): number => (job < of ? 0 : (readyAt[job - of] ?? 0));
  const waitOf = (job: number, of: number): number => Math.max(0, machineOf(job, of) - (arrivals[job] ?? 0));

  for (const [job, createdAt] of arrivals.entries()) {
    if (job === 0 || waitOf(job, level) === 0) continue;
    const before = { createdAt: arrivals[job - 1] ?? 0, machineReadyAt: machineOf(job - 1, level) };
    const { oneMore } = explainWaitOf({ ...over, createdAt, parts: { boot: waitOf(job, level) }, before });

    expect(oneMore?.savedMs).toBe(waitOf(job, level) - waitOf(job, level + 1));
  }
});
