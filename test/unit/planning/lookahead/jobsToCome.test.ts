import { describe, expect, it } from "vitest";
import { jobsToCome } from "../../../../src/planning/lookahead/jobsToCome.ts";
import type { ForeseenJob } from "../../../../src/planning/lookahead/pipeline.ts";

const MINUTE_MS = 60_000;
const stages = ["build", "test", "deploy"];
const running = { name: "build", stage: "build", state: "running", startedAt: 0 } as const;
const waiting = (name: string, stage: string, changes: Partial<ForeseenJob> = {}): ForeseenJob => ({
  ...{ name, stage, state: "waiting" },
  ...changes,
});
const inSmall = { durationsOf: () => [MINUTE_MS], poolNameOf: () => "small" };

describe("the jobs to come", () => {
  it("are those alone that come to a pool of ours", () => {
    const jobs = [running, waiting("unit", "test"), waiting("lint", "test")];

    const known = jobsToCome(
      { stages, jobs },
      { ...inSmall, poolNameOf: (name) => (name === "unit" ? "small" : undefined) },
      0,
    );

    expect(known).toMatchObject([{ poolName: "small", count: 1 }]);
  });

  it("do not wait for a manual job, unless it blocks: then nobody knows when they come", () => {
    const withManual = (heldBack: "aside" | "blocking") =>
      jobsToCome(
        { stages, jobs: [running, waiting("ask", "test", { heldBack }), waiting("ship", "deploy")] },
        inSmall,
        0,
      );

    expect(withManual("aside")).toMatchObject([{ count: 1, readyAt: Array(9).fill(MINUTE_MS) }]);
    expect(withManual("blocking")).toEqual([]);
  });

  it("that need a manual job come nobody knows when", () => {
    const jobs = [
      running,
      waiting("ask", "test", { heldBack: "aside" }),
      waiting("ship", "deploy", { needs: ["ask"] }),
    ];

    expect(jobsToCome({ stages, jobs }, inSmall, 0)).toEqual([]);
  });

  it("wait for what they need alone, be it of a later stage than the rest", () => {
    const jobs = [running, waiting("slow", "test"), waiting("ship", "deploy", { needs: ["build"] })];

    expect(jobsToCome({ stages, jobs }, inSmall, 0)).toMatchObject([{ count: 2, readyAt: Array(9).fill(MINUTE_MS) }]);
  });

  it("of all stages are told by those of the running job's like that took longer than it has by now", () => {
    const jobs = [running, waiting("unit", "test"), waiting("ship", "deploy")];
    const tooks = (name: string) => (name === "build" ? [1, 2, 3].map((minutes) => minutes * MINUTE_MS) : [MINUTE_MS]);

    const [unit, ship] = jobsToCome({ stages, jobs }, { ...inSmall, durationsOf: tooks }, 1.5 * MINUTE_MS);

    expect(unit?.readyAt).toEqual([2, 2, 2, 2, 3, 3, 3, 3, 3].map((minutes) => minutes * MINUTE_MS));
    expect(ship?.readyAt).toEqual([3, 3, 3, 3, 4, 4, 4, 4, 4].map((minutes) => minutes * MINUTE_MS));
  });

  it("are told of a pipeline with thousands of jobs, and of ones that need each other in a long row", () => {
    const many = Array.from({ length: 3_000 }, (_, n) => waiting(`job ${n}`, stages[1 + (n % 2)] ?? ""));
    const row = Array.from({ length: 1_000 }, (_, n) =>
      waiting(`row ${n}`, "test", { needs: [n === 0 ? "build" : `row ${n - 1}`] }),
    );

    expect(jobsToCome({ stages, jobs: [running, ...many] }, inSmall, 0).map(({ count }) => count)).toEqual([
      1_500, 1_500,
    ]);
    expect(jobsToCome({ stages, jobs: [running, ...row] }, inSmall, 0).at(-1)?.readyAt[0]).toBe(1_000 * MINUTE_MS);
  });
});
