import fc from "fast-check";
import { expect, it } from "vitest";
import { scheduleFrom } from "../../../../src/planning/schedule/section.ts";
import { anyRule, anySetClock, cronFrom, isIn, wallClockIn } from "../../../support/cron.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const BERLIN = "Europe/Berlin";

const office = { periods: ["* 9-17 * * mon-fri"], timezone: BERLIN };
const night = { periods: ["30-59 2 * * *"], timezone: BERLIN };

/** The stretches of a schedule from one instant to another, each with what holds in it. */
function stretchesOf(sections: Parameters<typeof scheduleFrom>[0], from: string, to: string): string[] {
  const schedule = scheduleFrom(sections);
  const stretches: string[] = [];
  for (let at = Date.parse(from); at < Date.parse(to); ) {
    const { index, untilAt } = schedule.heldAt(at);
    stretches.push(`${new Date(at).toISOString().slice(0, 16)} ${index ?? "none"}`);
    at = untilAt;
  }
  return stretches;
}

it("holds by the clocks of its zone, and says when it changes", () => {
  expect(stretchesOf([office], "2026-11-27T00:00Z", "2026-11-30T20:00Z")).toEqual([
    "2026-11-27T00:00 none",
    "2026-11-27T08:00 0",
    "2026-11-27T17:00 none",
    "2026-11-30T08:00 0",
    "2026-11-30T17:00 none",
  ]);
});

it("has the last section that matches hold", () => {
  const lunch = { periods: ["* 12 * * *"], timezone: BERLIN };

  expect(stretchesOf([office, lunch], "2026-11-27T08:00Z", "2026-11-27T17:00Z")).toEqual([
    "2026-11-27T08:00 0",
    "2026-11-27T11:00 1",
    "2026-11-27T12:00 0",
  ]);
});

it("skips a time that does not exist, and holds twice at one that comes twice", () => {
  expect(stretchesOf([night], "2026-03-28T12:00Z", "2026-03-30T12:00Z")).toEqual([
    "2026-03-28T12:00 none",
    "2026-03-30T00:30 0",
    "2026-03-30T01:00 none",
  ]);
  expect(stretchesOf([night], "2026-10-24T12:00Z", "2026-10-25T12:00Z")).toEqual([
    "2026-10-24T12:00 none",
    "2026-10-25T00:30 0",
    "2026-10-25T01:00 none",
    "2026-10-25T01:30 0",
    "2026-10-25T02:00 none",
  ]);
});

it("changes in the middle of an hour where a zone sets its clocks by half an hour", () => {
  const early = { periods: ["* 0-1 * * *"], timezone: "Australia/Lord_Howe" };

  expect(stretchesOf([early], "2026-10-03T12:00Z", "2026-10-04T00:00Z")).toEqual([
    "2026-10-03T12:00 none",
    "2026-10-03T13:30 0",
    "2026-10-03T15:30 none",
  ]);
});

it.each([
  ["the last day of a month", "* * L * *", "2026-02-28T12:00Z", "2026-02-27T12:00Z"],
  ["the first Monday of a month", "* * * * mon#1", "2026-11-02T12:00Z", "2026-11-09T12:00Z"],
  ["every third hour", "* */3 * * *", "2026-11-02T12:59Z", "2026-11-02T13:00Z"],
  ["Sunday by either number", "* * * * 7", "2026-11-01T12:00Z", "2026-11-02T12:00Z"],
])("knows %s", (_title, period, inside, outside) => {
  const schedule = scheduleFrom([{ periods: [period], timezone: "UTC" }]);

  expect([inside, outside].map((at) => schedule.heldAt(Date.parse(at)).index)).toEqual([0, undefined]);
});

it("tells of a section that holds for long that it holds at least until the end of its view", () => {
  const at = Date.parse("2026-11-01T00:00Z");
  const { index, untilAt, next } = scheduleFrom([{ periods: ["* * * * *"], timezone: BERLIN }]).heldAt(at);

  expect({ index, next }).toEqual({ index: 0, next: undefined });
  expect(untilAt - at).toBeGreaterThan(30 * 24 * HOUR_MS);
});

it("gives up looking behind a section that hides thousands of changes", () => {
  const hidden = { periods: ["*/2 * * * *"], timezone: "UTC" };
  const all = { periods: ["* * * * *"], timezone: "UTC" };
  const at = Date.parse("2026-11-01T00:00Z");

  const { index, untilAt } = scheduleFrom([hidden, all]).heldAt(at);

  expect(index).toBe(1);
  expect(untilAt).toBeGreaterThan(at);
});

it("holds in every minute around set clocks just the section that its rules say, and changes at no other", () => {
  const sections = fc.array(fc.record({ rules: fc.array(anyRule, { minLength: 1, maxLength: 2 }) }), {
    minLength: 1,
    maxLength: 3,
  });
  fc.assert(
    fc.property(sections, anySetClock, fc.nat(59), (rulesOf, [timezone, date], second) => {
      const clock = wallClockIn(timezone);
      const schedule = scheduleFrom(rulesOf.map(({ rules }) => ({ periods: rules.map(cronFrom), timezone })));
      const [from, to] = [Date.parse(date) - 10 * HOUR_MS, Date.parse(date) + 30 * HOUR_MS];
      for (let at = from; at < to; ) {
        const held = schedule.heldAt(at + second * 1000);
        // At least one minute goes by, so this ends.
        expect(held.untilAt).toBeGreaterThan(at);
        for (let minute = at; minute < Math.min(held.untilAt, to); minute += MINUTE_MS) {
          const wall = clock(minute);
          const wanted = rulesOf.findLastIndex(({ rules }) => rules.some((rule) => isIn(rule, wall)));
          if ((held.index ?? -1) !== wanted)
            expect.fail(`${new Date(minute).toISOString()}: ${held.index} holds, not ${wanted}`);
        }
        if (held.next !== undefined) expect(held.next.index).not.toBe(held.index);
        at = held.untilAt;
      }
    }),
    { numRuns: 25 },
  );
});
