import { expect, it } from "vitest";
import { parseConfig } from "../../../src/config/parse.ts";
import { ConfigError } from "../../../src/domain/errors.ts";

const pool = (lines: string): string => `[[pool]]\nname = "a"\nmax_machines = 4\n${lines}\n`;
const section = (lines: string): string => pool(`[[pool.schedule]]\nperiods = ["* 9-17 * * mon-fri"]\n${lines}`);

function problemsOf(text: string): string[] {
  try {
    parseConfig(text, "mayfly.toml", "/state");
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ place, message }) => `${place}: ${message}`);
    throw error;
  }
  return [];
}

it("reads sections, each with what it sets and nothing of the pool's", () => {
  const text = pool(`idle_time = "1m"
[[pool.schedule]]
periods = ["* 9-17 * * mon-fri", "* 10-12 * * sat"]
timezone = "Europe/Berlin"
idle_count = 3
[[pool.schedule]]
periods = ["* 12 * * *"]
idle_count = 0
idle_time = "0s"
idle_scale_factor = 0.5
idle_count_min = 0
idle_count_max = 4`);

  const [a] = parseConfig(text, "mayfly.toml", "/state").pools;

  expect(a?.idleTimeMs).toBe(60_000);
  expect(a?.schedule).toEqual([
    { periods: ["* 9-17 * * mon-fri", "* 10-12 * * sat"], timezone: "Europe/Berlin", idleCount: 3 },
    {
      ...{ periods: ["* 12 * * *"], timezone: "UTC", idleCount: 0, idleTimeMs: 0 },
      ...{ idleScaleFactor: 0.5, idleCountMin: 0, idleCountMax: 4 },
    },
  ]);
});

it.each([
  [
    "no periods",
    pool("[[pool.schedule]]"),
    'mayfly.toml:4: Expected `pool.schedule.periods` to be an array of 1 to 200 cron expressions of five fields (minute, hour, day of month, month, day of week), such as "* 9-17 * * mon-fri", got nothing',
  ],
  ["an hour that is none", section("").replace("9-17", "9-24"), 'got "* 9-24 * * mon-fri"'],
  ["seconds", section("").replace("* 9-17", "* * 9-17"), 'got "* * 9-17 * * mon-fri"'],
  ["a nickname, which means one minute", section("").replace("* 9-17 * * mon-fri", "@daily"), "got"],
  [
    "a place that is no time zone",
    section('timezone = "Mars/Olympus"'),
    'database, such as "Europe/Berlin" or "UTC", got "Mars/Olympus"',
  ],
  ["an offset, which knows no summer", section('timezone = "+02:00"'), 'got "+02:00"'],
  [
    "more than the pool may have",
    section("idle_count = 5"),
    "mayfly.toml:6: Expected `pool.schedule.idle_count` to be at most `pool.max_machines` (4), got 5",
  ],
  [
    "a least above the count",
    section("idle_count = 1\nidle_count_min = 2"),
    "mayfly.toml:7: Expected `pool.schedule.idle_count_min` to be at most `idle_count` (1), got 2",
  ],
  [
    "a most below the count of the pool",
    pool("idle_count = 2\nidle_count_max = 1"),
    "mayfly.toml:5: Expected `pool.idle_count_max` to be at least `idle_count` (2), got 1",
  ],
  [
    "a factor that can scale nothing",
    pool("idle_count = 2\nidle_scale_factor = 1.5"),
    "mayfly.toml:5: Expected `pool.idle_scale_factor` to be 0, or beside an `idle_count_min` below or an `idle_count_max` above `idle_count` (2), between which it scales, got 1.5",
  ],
  [
    "stopped machines where nothing can be stopped",
    section("stopped_count = 1"),
    'mayfly.toml:6: Expected `pool.schedule.stopped_count` to be 0 in a pool of driver "qemu", whose machines cannot be stopped, got 1',
  ],
  [
    "a misspelt key",
    section("idle_cont = 1"),
    "Unknown key `idle_cont` in [[pool.schedule]], did you mean `idle_count`?",
  ],
])("refuses %s", (_title, text, problem) => {
  expect(problemsOf(text)).toEqual([expect.stringContaining(problem)]);
});

it("holds a section against the values of its pool that it leaves open", () => {
  expect(
    problemsOf(
      pool(
        "idle_count = 2\nidle_count_min = 1\nidle_scale_factor = 1\n[[pool.schedule]]\nperiods = ['* 1 * * *']\nidle_count = 0",
      ),
    ),
  ).toEqual(["mayfly.toml:7: Expected `pool.schedule.idle_count_min` to be at most `idle_count` (0), got 1"]);
});
