import { expect, it } from "vitest";
import { crashEverywhere } from "../../src/simulation/run/crash.ts";
import type { CrashOptions, CrashRun } from "../../src/simulation/run/crash.ts";
import { freshSeed } from "./freshSeed.ts";

const MINUTES_MS = 120_000;
const PAIRS = 400;
const STOPPED_PAIRS = 100;

/** Everything that a manager calls from the start of its fleet to its end; the reads of jobs are the job service's. */
const PORTS = [
  ...["driver.launch", "driver.list", "driver.terminate"],
  ...["guest.seedFrom", "guest.connect", "guest.probe"],
  ...[
    "store.commit",
    "store.liveMachines",
    "store.openLeases",
    "store.poolModes",
    "store.recentMachines",
    "store.keysOf",
  ],
  "clock.sleep",
];

async function liveThrough(options: CrashOptions): Promise<CrashRun[]> {
  const runs: CrashRun[] = [];
  for await (const run of crashEverywhere(options)) {
    const again = `npm run simulate -- --crash${options.hasStopped ? " --stopped" : ""} --at ${run.killAtCalls.join(",")}`;
    expect({ again, broken: run.result.violations }).toEqual({ again, broken: [] });
    expect(run.result.kills.map(({ call }) => call)).toEqual(run.killAtCalls);
    runs.push(run);
  }
  return runs;
}

it("keeps every promise when the manager is killed at any port call", { timeout: MINUTES_MS }, async () => {
  const [calm, ...crashed] = await liveThrough({});

  expect(crashed.map(({ killAtCalls: [call] }) => call)).toEqual(
    Array.from({ length: calm?.result.portCallsOfDay ?? 0 }, (_, index) => index + 1),
  );
  expect(crashed.length).toBeGreaterThan(150);
  const ports = new Set(crashed.flatMap(({ result }) => result.kills.map(({ port }) => port)));
  expect([...ports].toSorted()).toEqual(PORTS.toSorted());
});

it("keeps every promise when the manager is killed while machines are stopped and started", {
  timeout: MINUTES_MS,
}, async () => {
  const [, ...crashed] = await liveThrough({ hasStopped: true });

  const ports = new Set(crashed.flatMap(({ result }) => result.kills.map(({ port }) => port)));
  expect([...ports]).toEqual(expect.arrayContaining(["driver.stop", "driver.start", "guest.settle"]));
});

it("keeps every promise when the next manager is killed as well", { timeout: MINUTES_MS }, async () => {
  const seed = freshSeed(
    "pairs",
    `${PAIRS} pairs of crashes (npm run simulate -- --crash --pairs --limit ${PAIRS} --seed SEED; with --stopped, ${STOPPED_PAIRS})`,
  );

  const runs = [
    ...(await liveThrough({ hasPairs: true, limit: PAIRS, seed })),
    ...(await liveThrough({ hasStopped: true, hasPairs: true, limit: STOPPED_PAIRS, seed })),
  ];

  expect(runs.filter(({ killAtCalls }) => killAtCalls.length === 2)).toHaveLength(PAIRS + STOPPED_PAIRS);
});

it("splits the crashes among shards, none left out and none done twice", { timeout: MINUTES_MS }, async () => {
  const callsOf = async (shard: CrashOptions["shard"]): Promise<number[]> => {
    const calls: number[] = [];
    for await (const { killAtCalls } of crashEverywhere({ shard })) calls.push(...killAtCalls);
    return calls;
  };
  const shards = [
    await callsOf({ index: 0, of: 3 }),
    await callsOf({ index: 1, of: 3 }),
    await callsOf({ index: 2, of: 3 }),
  ];

  expect(shards.flat().toSorted((a, b) => a - b)).toEqual(await callsOf(undefined));
});
