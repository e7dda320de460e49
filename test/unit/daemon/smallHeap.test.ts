import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const MODULE = fileURLToPath(new URL("../../../src/daemon/smallHeap.ts", import.meta.url));

/** Bytes of the young heap, and of the whole one at most, of a process that has made much that does not last. */
async function heapAfter(first: string): Promise<{ readonly young: number; readonly most: number }> {
  const script = `import { keepHeapSmall } from ${JSON.stringify(MODULE)};
    import { getHeapSpaceStatistics, getHeapStatistics } from "node:v8";
    ${first};
    let kept = [];
    let most = 0;
    for (let i = 0; i < 1_000_000; i += 1) {
      kept.push({ i, list: [i] });
      if (kept.length > 50_000) kept = [];
      if (i % 1_000 === 0) most = Math.max(most, getHeapStatistics().total_physical_size);
    }
    const young = getHeapSpaceStatistics().find((space) => space.space_name === "new_space").space_size;
    console.log(JSON.stringify({ young, most }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  return JSON.parse(stdout) as { young: number; most: number };
}

/** When garbage is collected differs from run to run: the middle one of three counts. */
async function medianHeapAfter(first: string): ReturnType<typeof heapAfter> {
  const runs = [await heapAfter(first), await heapAfter(first), await heapAfter(first)];
  const middle = (values: readonly number[]) => values.toSorted((a, b) => a - b)[1] ?? Number.NaN;
  return { young: middle(runs.map(({ young }) => young)), most: middle(runs.map(({ most }) => most)) };
}

it("keeps the heap from growing, which it does without", async () => {
  const [small, large] = [await medianHeapAfter("keepHeapSmall()"), await medianHeapAfter("")];

  expect(small.young).toBeLessThan(5_000_000);
  expect(large.young).toBeGreaterThan(10_000_000);
  expect(small.most).toBeLessThan(large.most * 0.75);
});
