import { expect, it } from "vitest";
import { ConfigError } from "../../../../src/domain/errors.ts";
import { importText } from "../../../support/runnerConfigs.ts";

function problemsOf(text: string): string[] {
  try {
    importText(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ place, message }) => `${place}: ${message}`);
    throw error;
  }
  return [];
}

const machine = (lines: string): string => `[[runners]]\nexecutor = "docker+machine"\n[runners.machine]\n${lines}\n`;

it.each([
  ["no TOML", "a = 1\nb =\n", "config.toml:2: Expected TOML: Unspecified values are invalid"],
  [
    "a file without runners",
    "concurrent = 1",
    "config.toml: Expected the config.toml of a GitLab Runner, with at least one [[runners]], got none",
  ],
  [
    "runners without machines",
    '\n[[runners]]\nexecutor = "shell"',
    "config.toml:2: Expected a runner whose executor is docker+machine, docker-ssh+machine, docker-autoscaler, instance, got none",
  ],
  [
    "an executor without its table",
    '[[runners]]\nexecutor = "instance"',
    'config.toml:2: Expected [runners.autoscaler] in a runner of executor "instance", got nothing',
  ],
  [
    "one runner as a table",
    '[runners]\nexecutor = "instance"',
    "config.toml:1: Expected `runners` to be an array of tables, got a table",
  ],
  [
    "a word for a number, without saying which",
    machine('IdleCount = "hunter2"'),
    "config.toml:4: Expected `runners.machine.IdleCount` to be an integer from 0, got a string",
  ],
  [
    "less than nothing",
    machine("IdleTime = -1"),
    "config.toml:4: Expected `runners.machine.IdleTime` to be an integer from 0, got -1",
  ],
  [
    "options that are no strings",
    machine("MachineOptions = [1]"),
    "config.toml:4: Expected `runners.machine.MachineOptions` to be an array of strings, got an array of something else",
  ],
  [
    "a period that is none",
    machine('[[runners.machine.autoscaling]]\nPeriods = ["* * 25 * * * *"]\nTimezone = "UTC"'),
    'config.toml:5: Expected `runners.machine.autoscaling.Periods` to be cron expressions of seven fields (second, minute, hour, day of month, month, day of week, year), such as "* * 9-17 * * mon-fri *", got "* * 25 * * * *"',
  ],
  [
    "a time zone that is none",
    machine('[[runners.machine.autoscaling]]\nPeriods = ["* * * * * * *"]\nTimezone = "Mars"'),
    'config.toml:6: Expected `runners.machine.autoscaling.Timezone` to be a time zone, got "Mars"',
  ],
  [
    "a duration that is none",
    '[[runners]]\nexecutor = "instance"\n[runners.autoscaler]\n[[runners.autoscaler.policy]]\nidle_time = "20"',
    'config.toml:5: Expected `runners.autoscaler.policy.idle_time` to be a duration such as "20m0s", got "20"',
  ],
])("refuses %s", (_title, text, problem) => {
  expect(problemsOf(text)).toEqual([problem]);
});

it("shows all problems at once, in the order of the lines", () => {
  const places = problemsOf(`concurrent = "x"\n${machine('IdleTime = "x"\nMaxGrowthRate = 1.5\nIdleCount = true')}`);

  expect(places.map((problem) => problem.split(": ")[0])).toEqual([
    "config.toml:1",
    "config.toml:5",
    "config.toml:6",
    "config.toml:7",
  ]);
});
