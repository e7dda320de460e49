import { expect, it } from "vitest";
import { DAY_MS, HOUR_MS } from "../../../../src/planning/capacity/target/state.ts";
import { busiestWeek, demandIn, recordLevels } from "../../../../src/planning/capacity/week.ts";

const MONDAY = Date.UTC(2024, 0, 1);
const momentAt = (now: number) => ({ now, inUse: 0, arrived: 0, served: 0, waitMs: new Float64Array() });

it("finds the whole week from a Monday in which most jobs came", () => {
  const days = [-1, 2, 9, 10, 12, 20];
  const readyAt = Float64Array.from(days, (day) => MONDAY + day * DAY_MS + HOUR_MS);

  const week = busiestWeek(readyAt, readyAt[0] ?? 0, MONDAY + 25 * DAY_MS);

  expect([week.from, week.to]).toEqual([MONDAY + 7 * DAY_MS, MONDAY + 14 * DAY_MS]);
});

it("takes a short stretch as it is", () => {
  expect(busiestWeek(Float64Array.of(5), 5, 6)).toEqual({ from: 5, to: 6, partMs: 60_000, parts: 1 });
});

it("tells the fullest window of each part", () => {
  const week = { from: 1000, to: 3000, partMs: 1000, parts: 2 };

  expect(demandIn(week, Float64Array.of(950, 1000, 1040, 2500, 2600), 100)).toEqual([3, 1]);
});

it("records the highest level of each part, and goes on with the last where nobody asked", () => {
  const week = { from: 0, to: 400, partMs: 100, parts: 4 };
  const levels = new Map([
    [-50, 1],
    [110, 5],
    [150, 2],
    [350, 7],
    [500, 9],
  ]);
  const record = recordLevels(week);
  const watched = record.watch(({ now }) => levels.get(now) ?? 0);

  for (const now of levels.keys()) expect(watched(momentAt(now))).toBe(levels.get(now));

  expect(record.levels()).toEqual([1, 5, 2, 7]);
});

it("asks a policy once that nobody asks, since its level is constant", () => {
  const record = recordLevels({ from: 0, to: 300, partMs: 100, parts: 3 });
  record.watch(() => 4);

  expect(record.levels()).toEqual([4, 4, 4]);
});
