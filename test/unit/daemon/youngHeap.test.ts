import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const MODULE = fileURLToPath(new URL("../../../src/daemon/youngHeap.ts", import.meta.url));

/** Bytes of the young heap of a process that has made much that does not last. */
async function youngBytesAfter(first: string): Promise<number> {
  const script = `import { keepYoungHeapSmall } from ${JSON.stringify(MODULE)};
    import { getHeapSpaceStatistics } from "node:v8";
    ${first};
    let kept = [];
    for (let i = 0; i < 1_000_000; i += 1) {
      kept.push({ i, list: [i] });
      if (kept.length > 50_000) kept = [];
    }
    console.log(getHeapSpaceStatistics().find((space) => space.space_name === "new_space").space_size);`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  return Number(stdout);
}

it("keeps the young heap from growing, which it does without", async () => {
  expect(await youngBytesAfter("keepYoungHeapSmall()")).toBeLessThan(5_000_000);
  expect(await youngBytesAfter("")).toBeGreaterThan(10_000_000);
});
