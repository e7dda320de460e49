import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runCli } from "../../support/cli.ts";
import { sampleText } from "../../support/runnerConfigs.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-import-"));
  await writeFile(join(folder, "config.toml"), sampleText("docker-machine"));
});
afterAll(() => rm(folder, { recursive: true }));

const run = (...args: string[]) => runCli(["config", ...args], { cwd: folder });

it("writes a new file that config check takes, and says what became of each setting", async () => {
  const imported = await run("import", "config.toml", "--output", "mayfly.toml", "--timezone", "Europe/Berlin");
  const checked = await run("check", "mayfly.toml");
  const again = await run("import", "config.toml", "--output", "mayfly.toml");

  expect(imported).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining("next: mayfly config check mayfly.toml"),
  });
  expect(imported.stdout).toContain("config.toml:28 runners.machine.IdleCount: idle_count\n");
  expect(imported.stdout).toContain("\nwithout a counterpart:\n  config.toml:35 runners.machine.MachineName: ");
  expect(imported.stdout + imported.stderr).not.toContain("hunter2");
  expect(await readFile(join(folder, "mayfly.toml"), "utf8")).toMatch(/^idle_count = 8 +# config\.toml:58 IdleCount$/m);
  expect(checked).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("mayfly.toml: no problems") });
  expect(checked.stderr).toContain("pool my-autoscale-runner: now ");
  expect(again).toMatchObject({
    exitCode: 2,
    stderr: `mayfly: --output: Expected a new file, this one exists: ${join(folder, "mayfly.toml")}\n`,
  });
});

it("writes the file to stdout and the rest to stderr without --output", async () => {
  const { exitCode, stdout, stderr } = await run("import", "config.toml");

  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^# Made by mayfly config import from config\.toml; .*\nmax_machines = 10 /);
  expect(stderr).toContain("secrets, written nowhere:\n  config.toml:11 runners.token: ");
});

it("prints all of it as JSON", async () => {
  const { stdout } = await run("import", "config.toml", "--json");

  expect(JSON.parse(stdout)).toMatchObject({
    output: null,
    toml: expect.stringContaining("[pool.ec2]"),
    settings: expect.arrayContaining([
      {
        ...{ verdict: "became", place: "config.toml:3", setting: "shutdown_timeout" },
        text: "stop_timeout",
      },
    ]),
  });
});

it.each([
  ["a file that is not there", ["import", "nothing.toml"], "nothing.toml: Expected a config file, there is none"],
  [
    "a time zone that is none",
    ["import", "config.toml", "--timezone", "Mars"],
    '--timezone: Expected a time zone of the IANA database, such as "Europe/Berlin" or "UTC", got "Mars"',
  ],
])("refuses %s", async (_title, args, problem) => {
  expect(await run(...args)).toEqual({ exitCode: 2, stdout: "", stderr: `mayfly: ${problem}\n` });
});
