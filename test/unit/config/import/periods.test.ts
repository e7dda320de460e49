import { expect, it } from "vitest";
import { parseGoDuration } from "../../../../src/config/import/goDuration.ts";
import { periodFromMachine, periodFromPolicy } from "../../../../src/config/import/periods.ts";

it.each([
  ["* * 9-17 * * mon-fri *", "* 9-17 * * mon-fri"],
  ["*/1 0-59 9,17 1-15 JAN-MAR ? ?", "0-59 9,17 1-15 JAN-MAR *"],
  ["* * * * * Monday,Saturday *", "* * * * Mon,Sat"],
  ["* 10/15 * * september * *", "10-59/15 * * sep *"],
  ["* * * L * * *", "* * L * *"],
  ["* * * * * 5#2 *", "* * * * 5#2"],
  ["* * 8-20/2 * * 0 *", "* 8-20/2 * * 0"],
])("keeps what docker+machine's %s says", (theirs, ours) => {
  expect(periodFromMachine(theirs)).toEqual({ period: ours, lost: "" });
});

it.each([
  ["0 * 9 * * * *", "* 9 * * *", 'the second "0" (it holds for whole minutes now)'],
  ["* * 9 * * * 2026-2027", "* 9 * * *", 'the year "2026-2027" (it holds in every year now)'],
  // With fewer fields the second is 0, and then there is no year.
  [
    "* 9 * * * 2027",
    "* 9 * * *",
    'the second "0" (it holds for whole minutes now) and the year "2027" (it holds in every year now)',
  ],
  ["* 9 * * *", "* 9 * * *", 'the second "0" (it holds for whole minutes now)'],
  ["@daily", "0 0 * * *", 'the second "0" (it holds for whole minutes now)'],
])("says what docker+machine's %s loses", (theirs, period, lost) => {
  expect(periodFromMachine(theirs)).toEqual({ period, lost });
});

it.each([
  "",
  "* * * *",
  "* * * * * * * *",
  "* * 24 * * * *",
  "61 * * * * * *",
  "* * * * * * x",
  "* * * * * noday *",
  "@now",
])("takes %j for no period of docker+machine's", (text) => {
  expect(periodFromMachine(text)).toBeUndefined();
});

it("reads docker-autoscaler's five fields, and no other number of them", () => {
  expect(periodFromPolicy(" * 8-15  * * MON-FRI ")).toEqual({ period: "* 8-15 * * MON-FRI", lost: "" });
  expect(["* * * *", "* * * * * *", "a b c d e"].map(periodFromPolicy)).toEqual([undefined, undefined, undefined]);
});

it.each([
  ["20m0s", 1_200_000],
  ["1h30m", 5_400_000],
  ["1.5h", 5_400_000],
  ["250ms", 250],
  ["0", 0],
  ["0s", 0],
  ["20", undefined],
  ["-5m", undefined],
  ["", undefined],
  ["5 m", undefined],
])("reads Go's duration %j", (text, ms) => {
  expect(parseGoDuration(text)).toBe(ms);
});
