import { expect, it } from "vitest";
import { parseConfig } from "../../../src/config/parse.ts";
import { ConfigError } from "../../../src/domain/errors.ts";

const shadowsOf = (text: string) => parseConfig(text, "mayfly.toml", "/var/lib/mayfly").pools[0]?.shadows;

function problemsOf(text: string): readonly string[] {
  try {
    shadowsOf(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ place, message }) => `${place} ${message}`);
    throw error;
  }
  return [];
}

const pool = (shadows: string): string => `[[pool]]
name = "small"
max_machines = 8
max_growth_rate = 3
idle_time = "5m"
[pool.cost]
usd_per_hour = 0.1
${shadows}`;

it("reads a shadow in the words of a pool, with the pool's limits where it leaves them open", () => {
  const shadows = shadowsOf(
    pool(`[[pool.shadow]]
name = "three"
idle_count = 3
[[pool.shadow]]
name = "aimed"
max_machines = 20
idle_time = "1m"
budget_per_day = 2.5
[pool.shadow.target]
wait = "5s"
share = 0.95
[[pool.shadow]]
name = "office"
idle_count = 0
[[pool.shadow.schedule]]
periods = ["* 9-17 * * mon-fri"]
timezone = "Europe/Berlin"
idle_count = 4`),
  );

  expect(shadows).toMatchObject([
    { name: "three", idleCount: 3, maxMachines: 8, maxGrowthRate: 3, idleTimeMs: 300_000 },
    {
      ...{ name: "aimed", idleCount: 0, maxMachines: 20, idleTimeMs: 60_000, budgetUsdPerDay: 2.5 },
      target: { waitMs: 5_000, share: 0.95 },
    },
    { name: "office", idleCount: 0, schedule: [{ timezone: "Europe/Berlin", idleCount: 4 }] },
  ]);
});

it("has none where the file has none", () => {
  expect(shadowsOf(pool(""))).toBeUndefined();
});

it.each([
  ['[[pool.shadow]]\nname = "a"', "Expected [[pool.shadow]] to hold `idle_count` or [pool.shadow.target], got neither"],
  [
    '[[pool.shadow]]\nname = "a"\nidle_count = 9',
    "Expected `pool.shadow.idle_count` to be at most `pool.max_machines` (8), got 9",
  ],
  [
    '[[pool.shadow]]\nname = "a"\nidle_count = 2\nidle_scale_factor = 0.5',
    "Expected `pool.shadow.idle_scale_factor` to be 0, or beside an `idle_count_min` below",
  ],
  [
    '[[pool.shadow]]\nname = "a"\nidle_count = 2\n[pool.shadow.target]\nwait = "5s"\nshare = 0.9',
    "Expected no `pool.shadow.idle_count` in a shadow with [pool.shadow.target]",
  ],
  [
    '[[pool.shadow]]\nname = "a"\n[pool.shadow.target]\nwait = "5s"',
    "Expected [pool.shadow.target] to hold `share` or `wait_price`, got neither",
  ],
  [
    '[[pool.shadow]]\nname = "a"\nidle_count = 1\n[[pool.shadow]]\nname = "a"\nidle_count = 2',
    'Expected `pool.shadow.name` to be unique in its pool, got "a" again (first at mayfly.toml:9)',
  ],
  [
    '[[pool.shadow]]\nname = "a"\nidle_count = 1\nstopped_count = 1',
    'Expected `pool.shadow.stopped_count` to be 0 in a pool of driver "qemu", whose machines cannot be stopped, got 1',
  ],
  [
    '[[pool.shadow]]\nname = "a"\nidle_count = 1\n[[pool.shadow.schedule]]\nperiods = ["* * * * *"]\nstopped_count = 2',
    'Expected `pool.shadow.schedule.stopped_count` to be 0 in a pool of driver "qemu", whose machines cannot be stopped, got 2',
  ],
  ['[[pool.shadow]]\nname = "A"\nidle_count = 1', "Expected `pool.shadow.name` to be a name of a-z"],
])("refuses %j", (text, message) => {
  const problems = problemsOf(pool(text));

  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(message);
});
