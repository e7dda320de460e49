import { expect, it } from "vitest";
import { parseGitlabDuration } from "../../../src/ci/duration.ts";

it.each([
  ["1h 30m", 5_400_000],
  ["1h30m", 5_400_000],
  ["90 minutes", 5_400_000],
  ["3 hours 30 minutes", 12_600_000],
  ["3 hrs and 5 secs", 10_805_000],
  ["1 day, 1 hour", 90_000_000],
  ["1 week", 604_800_000],
  ["1 mo", 2_592_000_000],
  ["1:30:00", 5_400_000],
  ["2:05", 125_000],
  ["3600", 3_600_000],
  ["0.5 hours", 1_800_000],
])("reads %s", (text, ms) => {
  expect(parseGitlabDuration(text)).toBe(ms);
});

it.each(["", "soon", "1 parsec", "h", "0", "-1m", "2 months", "1h x", "1:99"])("refuses %j", (text) => {
  expect(parseGitlabDuration(text)).toBeUndefined();
});
