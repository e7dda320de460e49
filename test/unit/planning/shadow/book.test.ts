import fc from "fast-check";
import { expect, it } from "vitest";
import { sortArrivals } from "../../../../src/planning/capacity/arrivals.ts";
import { replayConstantLevel } from "../../../../src/planning/capacity/baseStock.ts";
import { machineIdFrom } from "../../../../src/domain/ids.ts";
import { idleFrom } from "../../../../src/domain/moves.ts";
import type { ShadowBook, ShadowInput, ShadowLevel } from "../../../../src/planning/shadow/book.ts";
import { bookedMachine } from "../../../../src/planning/shadow/machines.ts";
import { replayPeriod } from "../../../../src/planning/shadow/period.ts";
import { advance, take, visit } from "../../../../src/planning/shadow/run.ts";
import type { ShadowMind } from "../../../../src/planning/shadow/run.ts";
import { emptyTally, nothingCompared } from "../../../../src/planning/shadow/tally.ts";
import { pool } from "../../../support/pools.ts";

const TO = 1_000_000;
const FREE = 10_000;
const world = { mode: "open", launches: true, starts: true, stops: true, most: FREE } as const;

function bookWith(level: number, idleTimeMs: number, of = pool()): ShadowBook {
  const machines = Array.from({ length: level }, (_, n) =>
    idleFrom(bookedMachine(machineIdFrom(`m-${n}`), of, 0, undefined), { host: "", port: 0 }, 0),
  );
  return {
    ...{ at: 0, startedAt: 0, machines, boots: [], stops: [], jobs: [], madeMachines: level, world },
    ...{ startsAsked: 0, stopsAsked: 0 },
    level: { idleCount: level, idleTimeMs },
    spend: { midnight: 0, endedUsd: 0, jobMs: undefined },
    ...{ tally: emptyTally(), compared: nothingCompared() },
  };
}

const setting = (overrides: Parameters<typeof pool>[0] = {}) => ({
  pool: pool({ maxMachines: FREE, maxGrowthRate: FREE, maxAgeMs: 1e9, ...overrides }),
  ...{ aimMs: 5_000, bootMs: 60_000 },
});

/** What is heard of jobs that get a machine of the real pool after some wait and leave it after some time. */
const heardOf = (jobs: readonly { readonly at: number; readonly waitMs: number; readonly ranMs: number }[]) =>
  jobs
    .flatMap(({ at, waitMs, ranMs }, no): ShadowInput[] => [
      { kind: "job", at, no, priority: 0, readyAt: at },
      { kind: "served", at: at + waitMs, no, waitMs },
      { kind: "ended", at: at + waitMs + ranMs, no, ranMs },
    ])
    .filter(({ at }) => at < TO)
    .sort((a, b) => a.at - b.at);

const anyJobs = fc.array(
  fc.record({
    at: fc.integer({ min: 0, max: TO - 1 }),
    waitMs: fc.integer({ min: 0, max: 200_000 }),
    ranMs: fc.integer({ min: 0, max: 300_000 }),
  }),
  { maxLength: 60 },
);

it("comes, for a constant level without limits, to the waits and the idle and booting time of the closed form", () => {
  fc.assert(
    fc.property(anyJobs, fc.nat(8), fc.integer({ min: 1, max: 250_000 }), (jobs, level, bootMs) => {
      const sorted = jobs.toSorted((a, b) => a.at - b.at);
      const book = bookWith(level, 1e9);
      const waits: number[] = [];
      const mind: ShadowMind = {
        levelAt: (one) => one.level,
        changesAt: () => Infinity,
        ...{ nextBootMs: () => bootMs, nextStartMs: () => bootMs, nextStopMs: () => 0 },
        onServed: ({ no }, waitMs) => {
          waits[no] = waitMs;
        },
      };

      for (const input of heardOf(sorted)) take(setting({ bootTimeoutMs: 1e9 }), book, input, mind);
      advance(setting({ bootTimeoutMs: 1e9 }), book, TO, mind);

      const arrivals = sortArrivals(
        Float64Array.from(sorted, ({ at }) => at),
        new Float64Array(sorted.length),
      );
      const exact = replayConstantLevel(arrivals, level, () => bootMs, 0, TO);
      for (const [no, wait] of waits.entries()) expect(wait).toBe(exact.waitMs[no]);
      expect(book.tally.served + book.jobs.filter(({ heldAt }) => heldAt === undefined).length).toBe(sorted.length);
      expect(book.tally.idleMs).toBeCloseTo(exact.idleMs, 3);
      expect(book.tally.bootingMs).toBeCloseTo(exact.bootingMs, 3);
      expect(book.tally.launches).toBe(sorted.length);
    }),
  );
});

const anyLevels = fc.array(
  fc.record({
    ...{ at: fc.integer({ min: 0, max: TO - 1 }), idleCount: fc.nat(6), idleTimeMs: fc.nat(100_000) },
    stoppedCount: fc.nat(3),
  }),
  { maxLength: 12 },
);
const anyWorlds = fc.array(
  fc.record({
    at: fc.integer({ min: 0, max: TO - 1 }),
    world: fc.record({
      mode: fc.constantFrom("open" as const, "cordoned" as const, "draining" as const),
      ...{ launches: fc.boolean(), starts: fc.boolean(), stops: fc.boolean() },
      most: fc.nat(8),
    }),
  }),
  { maxLength: 8 },
);

it("is replayed to the same figures, and never passes a limit, whatever is heard, wished for and looked at between", () => {
  const anyBoots = fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 5 });
  const anyLimits = fc.record({
    maxMachines: fc.integer({ min: 1, max: 8 }),
    maxGrowthRate: fc.integer({ min: 1, max: 4 }),
  });
  const anyBudget = fc.option(fc.double({ min: 0.05, max: 3, noNaN: true }), { nil: undefined });
  const anyMaking = fc.record({
    recipe: fc.constantFrom("made so", undefined),
    image: fc.constantFrom("old", "new"),
    old: fc.nat(4),
  });
  const anyLooks = fc.array(fc.integer({ min: 0, max: TO - 1 }), { maxLength: 30 });
  fc.assert(
    fc.property(
      ...([anyJobs, anyLevels, anyWorlds, anyBoots, anyLimits, anyLooks, anyBudget, anyMaking] as const),
      (jobs, levels, worlds, boots, limits, looks, budgetUsdPerDay, { recipe, image, old }) => {
        const price = { usdPerHour: 1, diskUsdPerHour: 0.1, source: "" };
        const oldPool = pool({ shape: { driver: "simulated", image: "old" } });
        const start = { ...bookWith(old, 60_000, oldPool), world: { ...world, price } };
        const shape = { driver: "simulated" as const, image };
        const shown = { ...setting({ ...limits, budgetUsdPerDay, shape }), recipe };
        const book = structuredClone(start);
        const changes = levels.toSorted((a, b) => a.at - b.at);
        const inputs: ShadowInput[] = [];
        const tookMs: number[] = [];
        const nextMs = (): number => {
          const ms = boots[tookMs.length % boots.length] ?? 1;
          tookMs.push(ms);
          return ms;
        };
        const wishAt = (at: number): ShadowLevel | undefined => changes.findLast((change) => change.at <= at);
        const mind: ShadowMind = {
          written: inputs,
          levelAt(one) {
            const { idleCount = 0, idleTimeMs = 60_000, stoppedCount = 0 } = wishAt(one.at) ?? {};
            const level = { idleCount, idleTimeMs, stoppedCount };
            if (JSON.stringify(level) === JSON.stringify(one.level)) return one.level;
            inputs.push({ kind: "level", at: one.at, level });
            return level;
          },
          changesAt: () => changes.find(({ at }) => at > book.at)?.at ?? Infinity,
          ...{ nextBootMs: nextMs, nextStartMs: nextMs, nextStopMs: nextMs },
        };
        const heard = [
          ...heardOf(jobs.toSorted((a, b) => a.at - b.at)),
          ...worlds.map(({ at, world: one }): ShadowInput => {
            return { kind: "world", at, world: { ...one, price } };
          }),
          ...looks.map((at) => ({ kind: "look" as const, at })),
        ].sort((a, b) => a.at - b.at);

        visit(shown, book, 0, mind);
        for (const news of heard) {
          const before = book.machines.length;
          if (news.kind === "look") visit(shown, book, news.at, mind);
          else take(shown, book, news, mind);
          expect(book.machines.length).toBeLessThanOrEqual(Math.max(before, limits.maxMachines));
          expect(book.boots.length).toBeLessThanOrEqual(limits.maxGrowthRate);
        }
        advance(shown, book, TO, mind);

        const written = JSON.parse(JSON.stringify({ setting: shown, start, inputs, tookMs, to: TO }));
        const replayed = replayPeriod(written);
        expect(replayed.tally).toEqual(book.tally);
        expect(replayed.compared).toEqual(book.compared);
        expect(replayed.machines).toEqual(JSON.parse(JSON.stringify(book.machines)));
      },
    ),
  );
});
