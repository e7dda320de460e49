import { expect, it } from "vitest";
import { awaitEmptyPools } from "../../../src/commands/awaitEmptyPools.ts";
import type { Machine } from "../../../src/domain/machine.ts";
import { createVirtualClock } from "../../../src/simulation/clock.ts";
import { leasedMachine } from "../../support/machines.ts";

const signal = new AbortController().signal;

it("says every ten seconds what keeps a pool from being empty, and gives up in time while it goes on draining", async () => {
  const clock = createVirtualClock(0);
  const machine: Machine = leasedMachine();
  const manager = { machines: async () => [machine], jobs: async () => [] };
  const told: string[] = [];
  const tell = async (text: string): Promise<void> => void told.push(text);

  const waited = awaitEmptyPools(manager, ["small"], 25_000, tell, clock, signal).catch((error: unknown) => error);
  await clock.advance(25_000);

  expect(await waited).toMatchObject({
    code: "drain-timeout",
    message: expect.stringMatching(
      /^not empty after 25s, and still draining: 1 machine of small: m-\d+ \(leased, lease l-/,
    ),
  });
  expect(told.map((line) => line.replace(/^.*; /, ""))).toEqual([
    "25s more at the longest",
    "15s more at the longest",
    "5.0s more at the longest",
  ]);
});

it("ends at once when it is told to", async () => {
  const clock = createVirtualClock(0);
  const manager = { machines: async () => [leasedMachine()], jobs: async () => [] };
  const stop = new AbortController();

  const waited = awaitEmptyPools(manager, ["small"], 25_000, async () => undefined, clock, stop.signal);
  await clock.advance(2_000);
  stop.abort(new Error("interrupted"));

  await expect(waited).rejects.toThrow("interrupted");
});
