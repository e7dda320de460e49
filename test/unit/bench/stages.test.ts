import { expect, it } from "vitest";
import { DAY_MS } from "../../../src/planning/capacity/target/state.ts";
import { stagesFrom } from "../../bench/planner/stages.ts";
import { cutArrivals } from "../../../src/planning/capacity/arrivals.ts";
import { drawArrivals } from "../../support/demand.ts";

const starts = drawArrivals(4, 6 * DAY_MS, () => 20);
const stretch = { name: "drawn", ...cutArrivals(starts, 2 * DAY_MS, 6 * DAY_MS) };

it("makes of each arrival a first job, and a batch when that has ended", () => {
  const { stretch: staged, firstBefore, announced } = stagesFrom(stretch, 0.5);

  const { readyAt } = staged.arrivals;
  const { announcedAt } = announced();
  const first = readyAt.filter((_, job) => announcedAt(job) === undefined);
  expect(readyAt.every((at, job) => (announcedAt(job) ?? at - 1) < at)).toBe(true);
  expect([...first]).toEqual([...stretch.arrivals.readyAt]);
  expect([...firstBefore]).toEqual([...stretch.before]);
  expect(staged.before.length).toBeGreaterThan(3 * firstBefore.length);
  // 4.5 jobs a pipeline in the mean, within what some 1,900 draws leave open.
  expect(readyAt.length / first.length).toBeGreaterThan(4.1);
  expect(readyAt.length / first.length).toBeLessThan(4.9);
});

it("announces every later job from its first one's start until it is ready, and no moment of it exactly", () => {
  const { stretch: staged, announced } = stagesFrom(stretch, 0.5);
  const { announcedAt, expectedAt } = announced();
  const [seen, still] = [new Map<number, number>(), new Map<number, number>()];

  for (let now = staged.from; now < staged.to; now += 10_000) {
    still.clear();
    for (const { count, readyAt } of expectedAt(now)) {
      if (!seen.has(readyAt[0] ?? 0)) expect(new Set(readyAt).size).toBe(40);
      seen.set(readyAt[0] ?? 0, count);
      still.set(readyAt[0] ?? 0, count);
    }
  }

  const sumOf = (groups: ReadonlyMap<number, number>): number =>
    [...groups.values()].reduce((sum, each) => sum + each, 0);
  const later = staged.arrivals.readyAt.filter((_, job) => announcedAt(job) !== undefined).length;
  // A first job is over within ten seconds so rarely that it is not seen here.
  expect(sumOf(seen)).toBe(later + sumOf(still));
});
