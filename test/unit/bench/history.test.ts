import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { BenchFacts } from "../../bench/facts.ts";
import { comparableWith, entryFrom, isLoss, lastRatio, readHistory, writeHistory } from "../../bench/history.ts";
import { pictureFrom } from "../../bench/picture.ts";
import { reportFrom } from "../../bench/report.ts";
import type { BenchResult } from "../../bench/report.ts";
import { comparisonFrom } from "../../bench/turns.ts";

const HOST: BenchFacts = {
  ...{ cores: 2, processor: "a core", memoryMiB: 1_024, kernel: "Linux 6", node: "v24", loadAtStart: 0 },
};

/** A run with one figure, whose ratios are those given. */
const runOf = (ratios: readonly number[], facts: Partial<BenchFacts> = {}): BenchResult => {
  const pairs = ratios.map((ratio): [number, number] => [100, 100 * ratio]);
  const goal = { of: "ratio", atMost: 1.5 } as const;
  return {
    facts: { ...HOST, ...facts },
    comparisons: [{ ...comparisonFrom("a < call", "ms", ["floor", "ours"], pairs), goal }],
  };
};

it("keeps the last 40 runs in a file, oldest first, and nothing but the ratios and the facts of the host", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-history-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "results", "history.jsonl");
  const entries = Array.from({ length: 41 }, (_, index) => entryFrom(runOf([index + 1]), index * 1_000));

  const before = await readHistory(path);
  await writeHistory(path, entries);

  expect(before).toEqual([]);
  expect(await readHistory(path)).toEqual(entries.slice(1));
  expect(entries[1]).toEqual({
    at: "1970-01-01T00:00:01.000Z",
    facts: HOST,
    ratios: { "a < call": { min: 2, median: 2, max: 2 } },
  });
});

it("compares with the last run of a host of the same cores and accelerator that took the figure", () => {
  const { facts } = runOf([1], { accelerator: "tcg" });
  const entries = [
    entryFrom(runOf([1], { accelerator: "tcg" }), 1),
    entryFrom(runOf([2]), 2),
    entryFrom({ facts: HOST, comparisons: [] }, 3),
    entryFrom(runOf([4], { accelerator: "kvm" }), 4),
    entryFrom(runOf([5], { cores: 4 }), 5),
    entryFrom(runOf([6], { processor: "another" }), 6),
  ];

  expect(lastRatio("a < call", comparableWith(facts, entries))?.median).toBe(2);
});

it.each([
  ["within what was seen then", [1.2, 1.25, 1.3], false],
  ["outside of it by less than a tenth", [1.31, 1.32, 1.33], false],
  ["outside of it by more than a tenth", [1.36, 1.4, 1.5], true],
])("calls a median %s a loss or not", (_name, ratios, expected) => {
  const [now] = runOf(ratios).comparisons;
  const [before] = runOf([1.1, 1.22, 1.3]).comparisons;
  if (now === undefined || before === undefined) throw new Error("Expected a figure");

  expect(isLoss(now.ratio, before.ratio)).toBe(expected);
});

it("reports a loss, a gain, and a goal that is met or missed", async () => {
  const history = [entryFrom(runOf([1.4, 1.45, 1.5]), 1)];

  expect(await reportFrom(runOf([2, 2, 2]), history)).toMatch(
    /WORSE than last time:.*1.40×.*1.45×.*1.50×\n.*goal, MISSED.*≤ 1.5×/,
  );
  expect(await reportFrom(runOf([1, 1, 1]), history)).toMatch(/better than last time:.*\n.*goal, met/);
  expect(await reportFrom(runOf([1.4, 1.44, 1.5]), history)).toMatch(/ratio, last time:/);
  expect(await reportFrom(runOf([1]), [])).not.toContain("last time");
});

it("draws each figure with its goal and its earlier runs, as well-formed text", () => {
  const history = [entryFrom(runOf([10]), 1), entryFrom(runOf([0.05]), 2)];

  const picture = pictureFrom(runOf([1, 2, 3]), history);

  expect(picture).toContain("a &lt; call");
  expect(picture.match(/<circle/g)).toHaveLength(3);
  expect(picture).toMatch(/0.01×.*\n.*0.1×.*\n.*>1×.*\n.*10×/);
  expect(picture).not.toContain("NaN");
  expect(picture).toContain("goal ≤ 1.5×");
});
