import fc from "fast-check";
import { expect, it } from "vitest";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../../src/config/units.ts";

it.each([
  ["20m", 1_200_000],
  ["1h30m", 5_400_000],
  ["1h 30m", 5_400_000],
  ["1d", 86_400_000],
  ["250ms", 250],
  ["1m500ms", 60_500],
  ["0s", 0],
  [" 5s ", 5000],
  ["90m", 5_400_000],
])("reads the duration %j", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

it.each(["", " ", "20", "20 minutes", "m", "-5s", "1.5h", "30m1h", "5s5s", "1e3s", "5S", "99999999999999999d"])(
  "takes %j for no duration",
  (text) => {
    expect(parseDuration(text)).toBeUndefined();
  },
);

it("reads back every duration that it writes", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (ms) => parseDuration(formatDuration(ms)) === ms));
});

it("writes a duration without units that are zero", () => {
  expect([0, 999.6, 90_000, 86_400_000, 5_400_250].map(formatDuration)).toEqual([
    "0s",
    "1s",
    "1m30s",
    "1d",
    "1h30m250ms",
  ]);
});

it.each([
  ["2GiB", 2 * 2 ** 30],
  ["512MiB", 512 * 2 ** 20],
  ["64 KiB", 65_536],
  ["1TiB", 2 ** 40],
  ["0B", 0],
])("reads the size %j", (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

it.each(["", "2", "2GB", "2G", "2gib", "1.5GiB", "-1GiB", "GiB", "99999999TiB"])("takes %j for no size", (text) => {
  expect(parseSize(text)).toBeUndefined();
});

it("reads back every size that it writes", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (bytes) => parseSize(formatSize(bytes)) === bytes));
});

it("writes a size in the largest unit that fits exactly", () => {
  expect([0, 1024, 1536 * 2 ** 20, 2 ** 40, 1025].map(formatSize)).toEqual(["0B", "1KiB", "1536MiB", "1TiB", "1025B"]);
});
