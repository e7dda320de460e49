import { expect, it } from "vitest";
import { parseConfig } from "../../../src/config/parse.ts";
import { ConfigError } from "../../../src/domain/errors.ts";

const COST = "[pool.cost]\nusd_per_hour = 0.1";
const pool = (own: string, tables: string): string => `[[pool]]\nname = "a"\nmax_machines = 4\n${own}\n${tables}\n`;
const target = (lines: string): string => `[pool.target]\n${lines}`;

function problemsOf(text: string): string[] {
  try {
    parseConfig(text, "mayfly.toml", "/state");
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ place, message }) => `${place}: ${message}`);
    throw error;
  }
  return [];
}

it("reads a target with a share, its bounds and a budget, and lets nothing stand ready by itself", () => {
  const text = pool(
    "idle_count_min = 1\nidle_count_max = 3\nbudget_per_day = 2.5",
    `${target('wait = "5s"\nshare = 0.95')}\n${COST}`,
  );

  const [a] = parseConfig(text, "mayfly.toml", "/state").pools;

  expect(a?.target).toEqual({ waitMs: 5_000, share: 0.95, waitUsdPerMinute: undefined });
  expect(a).toMatchObject({ idleCount: 0, idleCountMin: 1, idleCountMax: 3, budgetUsdPerDay: 2.5 });
});

it("reads a target with the price of a minute's waiting", () => {
  const [a] = parseConfig(pool("", `${target('wait = "0s"\nwait_price = 0.02')}\n${COST}`), "f", "/state").pools;

  expect(a?.target).toEqual({ waitMs: 0, share: undefined, waitUsdPerMinute: 0.02 });
});

it("lets a section of the schedule bound the target", () => {
  const section = '[[pool.schedule]]\nperiods = ["* 9 * * mon"]\nidle_count_min = 2';

  const [a] = parseConfig(pool("", `${target('wait = "5s"\nshare = 0.9')}\n${section}`), "f", "/state").pools;

  expect(a?.schedule).toMatchObject([{ idleCountMin: 2 }]);
});

it.each([
  ["no wait", pool("", target("share = 0.95")), "mayfly.toml:5: Expected `pool.target.wait` to be a duration"],
  [
    "all jobs",
    pool("", target('wait = "5s"\nshare = 1')),
    "mayfly.toml:7: Expected `pool.target.share` to be a share of jobs from 0.5 to 0.999, such as 0.95, got 1",
  ],
  [
    "neither a share nor a price",
    pool("", target('wait = "5s"')),
    "mayfly.toml:5: Expected [pool.target] to hold `share` or `wait_price`, got neither",
  ],
  [
    "both a share and a price",
    pool("", `${target('wait = "5s"\nshare = 0.9\nwait_price = 0.02')}\n${COST}`),
    "mayfly.toml:5: Expected [pool.target] to hold `share` or `wait_price`, got both",
  ],
  [
    "a count beside it",
    pool("idle_count = 2", target('wait = "5s"\nshare = 0.9')),
    "mayfly.toml:4: Expected no `pool.idle_count` in a pool with [pool.target], which chooses the idle machines of every moment: `idle_count_min` and `idle_count_max` bound it",
  ],
  [
    "a factor beside it",
    pool("idle_scale_factor = 0.5", target('wait = "5s"\nshare = 0.9')),
    "mayfly.toml:4: Expected no `pool.idle_scale_factor` in a pool with [pool.target]",
  ],
  [
    "a count in a section beside it",
    pool("", `${target('wait = "5s"\nshare = 0.9')}\n[[pool.schedule]]\nperiods = ["* 9 * * *"]\nidle_count = 1`),
    "mayfly.toml:10: Expected no `pool.schedule.idle_count` in a pool with [pool.target]",
  ],
  [
    "a least above the most",
    pool("idle_count_min = 3\nidle_count_max = 2", target('wait = "5s"\nshare = 0.9')),
    "mayfly.toml:4: Expected `pool.idle_count_min` to be at most `idle_count_max` (2), got 3",
  ],
  [
    "a least in a section above the pool's most",
    pool(
      "idle_count_max = 2",
      `${target('wait = "5s"\nshare = 0.9')}\n[[pool.schedule]]\nperiods = ["* 9 * * *"]\nidle_count_min = 3`,
    ),
    "mayfly.toml:10: Expected `pool.schedule.idle_count_min` to be at most `idle_count_max` (2), got 3",
  ],
  [
    "more than the pool may have",
    pool("idle_count_max = 5", target('wait = "5s"\nshare = 0.9')),
    "mayfly.toml:4: Expected `pool.idle_count_max` to be at most `pool.max_machines` (4), got 5",
  ],
  [
    "a price of waiting where machines cost nothing",
    pool("", target('wait = "5s"\nwait_price = 0.02')),
    "mayfly.toml:7: Expected `pool.cost.usd_per_hour` above 0 beside `pool.target.wait_price`",
  ],
  [
    "a budget where machines cost nothing",
    pool("budget_per_day = 3", ""),
    "mayfly.toml:4: Expected `pool.cost.usd_per_hour` above 0 beside `pool.budget_per_day`",
  ],
  [
    "a budget of nothing",
    pool("budget_per_day = 0", COST),
    "to be a price in US dollars, above 0 and at most 1000000, got 0",
  ],
  ["a misspelt key", pool("", target('wait = "5s"\nshares = 0.9')), "did you mean `share`?"],
])("refuses %s", (_what, text, problem) => {
  expect(problemsOf(text).join("\n")).toContain(problem);
});
