import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { copySource } from "./copy.ts";
import type { Patch } from "./copy.ts";
import { MUTANTS } from "./mutants.ts";

/** Days that a mutant has to give itself away. As measured on 25 November 2026, the fourth at the latest does. */
const MOST_DAYS = 25;
const TEST_MS = 300_000;
/** Each runs in a process of its own, which keeps a core busy. */
const AT_ONCE = 2;

interface Broken {
  readonly seed: number;
  readonly invariant: string;
  readonly text: string;
}

const gate = createGate(AT_ONCE);

describe.concurrent("the simulator", () => {
  it.each(MUTANTS)("finds $breaks broken by a manager that $fault", { timeout: TEST_MS }, async (mutant) => {
    const { patches, breaks, from = 1, days = "simulated" } = mutant;

    const broken = await gate(() => liveDays(patches, from, MOST_DAYS, breaks, days));

    expect(broken.map(({ invariant }) => invariant)).toContain(breaks);
  });

  it("finds nothing broken by a copy of the manager as it is", { timeout: TEST_MS }, async () => {
    expect(await gate(() => liveDays([], 1, 8, "any", "simulated"))).toEqual([]);
    expect(await gate(() => liveDays([], 1, 4, "any", "ec2-crowd"))).toEqual([]);
  });

  it("refuses a mutant whose place in the source has moved away", async () => {
    const patch = { file: "pool/loop.ts", from: "this stands nowhere", to: "" };

    await expect(copySource([patch])).rejects.toThrow(
      "Expected this once in src/pool/loop.ts, found it 0 times: this stands nowhere",
    );
  });
});

/** What a copy of the source with these faults breaks, day by day, until it breaks the promise. */
async function liveDays(
  patches: readonly Patch[],
  from: number,
  count: number,
  promise: string,
  days: string,
): Promise<Broken[]> {
  await using copy = await copySource(patches);
  const script = fileURLToPath(new URL("./liveDays.ts", import.meta.url));
  const args = [script, copy.root, String(from), String(count), promise, days];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as Broken[];
}

function createGate(most: number): <T>(run: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (run) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    running += 1;
    try {
      return await run();
    } finally {
      running -= 1;
      waiting.shift()?.();
    }
  };
}
