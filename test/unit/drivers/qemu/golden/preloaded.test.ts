import { describe, expect, it } from "vitest";
import { failuresOf, preloadedFrom, refreshDueAt } from "../../../../../src/drivers/qemu/golden/preloaded.ts";
import type { GoldenManifest } from "../../../../../src/drivers/qemu/golden/manifest.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;
const there = { image: "debian:12", digest: "debian@sha256:aa" };
const lacking = { image: "nobody/has:it", problem: "not found" };

describe("preloadedFrom", () => {
  it("reads what was said of each image among all else that was said", () => {
    const heard =
      "[    1.0] kernel words\r\nmayfly-preload: failed nobody/has:it Error: not found \r\n" +
      "mayfly-preload: done debian:12 debian@sha256:aa\r\nmayfly-wake: ready\r\n";

    expect(preloadedFrom(heard, ["debian:12", "nobody/has:it", "late:1"])).toEqual([
      there,
      { image: "nobody/has:it", problem: "Error: not found" },
      { image: "late:1", problem: "it was not fetched in time" },
    ]);
  });

  it("takes no image for another whose name begins alike", () => {
    expect(preloadedFrom("mayfly-preload: done debian:12-slim x\n", ["debian:12"])).toMatchObject([
      { problem: "it was not fetched in time" },
    ]);
  });
});

describe("refreshDueAt", () => {
  it("never is for a state that was asked for no images", () => {
    expect(refreshDueAt({ createdAt: 5 })).toBe(Infinity);
  });

  it("is after a day, since tags move", () => {
    expect(refreshDueAt({ createdAt: 5, preloaded: { images: [there], failures: 0 } })).toBe(5 + DAY_MS);
  });

  it.each([
    [1, 15],
    [2, 30],
    [5, 240],
    [50, 1_440],
  ])(
    "is earlier for a state that lacks an image, and later each time: the %sth after %s minutes",
    (failures, minutes) => {
      expect(refreshDueAt({ createdAt: 5, preloaded: { images: [there, lacking], failures } })).toBe(
        5 + minutes * MINUTE_MS,
      );
    },
  );
});

it("counts states in a row that lack an image", () => {
  const before = { preloaded: { images: [lacking], failures: 3 } } as Partial<GoldenManifest> as GoldenManifest;

  expect([failuresOf([lacking], undefined), failuresOf([lacking], before), failuresOf([there], before)]).toEqual([
    1, 4, 0,
  ]);
});
