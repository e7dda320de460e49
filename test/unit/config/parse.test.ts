import { describe, expect, it } from "vitest";
import { defaultConfig, explainConfig, parseConfig } from "../../../src/config/parse.ts";
import { ConfigError } from "../../../src/domain/errors.ts";

const FULL = `name = "ci-1"                          # owner tag
state_dir = "/srv/mayfly/"
max_machines = 50

[api]
socket = "/run/mayfly/mayfly.sock"

[[pool]]
name = "small"
driver = "qemu"
max_machines = 4
idle_count = 1
idle_time = "20m"
max_growth_rate = 2
max_age = "12h"
boot_timeout = "5m"
job_timeout = "1h30m"

[pool.guest]
user = "ci"
docker = "socket"
registry_mirror = "http://10.0.2.2:5000"

[pool.qemu]
image = "debian-12"
cpus = 4
memory = "512MiB"
disk = "10GiB"

[pool.cost]
usd_per_hour = 0.02
usd_per_gib_month = 0.08
usd_per_hour_by_type = { "m7i.large" = 0.1008 }

[[pool]]
name = "other"
guest = { docker = "none", data_root = "/data" }
`;

const parse = (text: string) => parseConfig(text, "mayfly.toml", "/state");

function problemsOf(text: string): string[] {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ place, message }) => `${place}: ${message}`);
    throw error;
  }
  return [];
}

const pool = (lines: string): string => `[[pool]]\nname = "a"\n${lines}\n`;

it("reads how a manager stops, and when it launches nothing for want of space", () => {
  expect(parse("")).toMatchObject({ stopTimeoutMs: 600_000, minFreeDiskMiB: 1024 });
  expect(parse('stop_timeout = "0s"\nmin_free_disk = "32MiB"\n')).toMatchObject({
    stopTimeoutMs: 0,
    minFreeDiskMiB: 32,
  });
  expect(problemsOf('stop_timeout = "soon"\nmin_free_disk = "31MiB"\n')).toEqual([
    expect.stringMatching(/^mayfly\.toml:1: Expected `stop_timeout` to be a duration/),
    expect.stringMatching(/^mayfly\.toml:2: Expected `min_free_disk` to be a size from 32MiB/),
  ]);
});

it("reads a full file", () => {
  const config = parse(FULL);

  expect(config).toMatchObject({ name: "ci-1", stateDir: "/srv/mayfly", maxMachines: 50 });
  expect(config.api).toEqual({ socket: "/run/mayfly/mayfly.sock" });
  expect(config.pools[0]).toEqual({
    name: "small",
    maxMachines: 4,
    idleCount: 1,
    stoppedCount: 0,
    idleTimeMs: 1_200_000,
    maxGrowthRate: 2,
    maxAgeMs: 43_200_000,
    bootTimeoutMs: 300_000,
    jobTimeoutMs: 5_400_000,
    orphanTimeoutMs: 1_800_000,
    guest: {
      user: "ci",
      docker: "socket",
      registryMirror: "http://10.0.2.2:5000",
      engine: "baked",
      dataRoot: "/var/lib/docker",
    },
    shape: { driver: "qemu", image: "debian-12", cpus: 4, memoryMiB: 512, diskGiB: 10, restore: true },
    cost: { usdPerHour: 0.02, usdPerGiBMonth: 0.08, usdPerHourByType: { "m7i.large": 0.1008 } },
  });
  expect(config.pools[1]?.cost).toEqual({});
  expect(config.pools[1]?.guest).toMatchObject({ user: "runner", docker: "none", dataRoot: "/data" });
});

it("holds one pool of local machines when the file says nothing", () => {
  const config = defaultConfig("/state");

  expect(config).toEqual(parse(""));
  expect(config.api.socket).toBe("/state/mayfly.sock");
  expect(
    config.pools.map(({ name, maxMachines, idleCount, shape }) => ({ name, maxMachines, idleCount, shape })),
  ).toEqual([
    {
      name: "default",
      maxMachines: 2,
      idleCount: 1,
      shape: { driver: "qemu", image: "debian-12", cpus: 2, memoryMiB: 2048, diskGiB: 20, restore: true },
    },
  ]);
});

it("puts the socket into the state directory that the file names", () => {
  expect(parse('state_dir = "/srv/m/"').api.socket).toBe("/srv/m/mayfly.sock");
});

it("tells where each value came from", () => {
  const { entries } = explainConfig(FULL, "mayfly.toml", "/state");
  const originOf = (...path: (string | number)[]) =>
    entries.find((entry) => JSON.stringify(entry.path) === JSON.stringify(path));

  expect(originOf("max_machines")).toMatchObject({ value: 50, origin: "mayfly.toml:3" });
  expect(originOf("pool", 0, "qemu", "memory")).toMatchObject({ value: "512MiB", origin: "mayfly.toml:27" });
  expect(originOf("pool", 1, "guest", "docker")).toMatchObject({ value: "none", origin: "mayfly.toml:37" });
  expect(originOf("pool", 1, "guest", "user")).toMatchObject({ value: "runner", origin: "default" });
  expect(originOf("pool", 1, "qemu", "disk")).toMatchObject({ value: "20GiB", origin: "default" });
});

describe("a problem", () => {
  it.each([
    ["a misspelt key", "nmae = 1", "mayfly.toml:1: Unknown key `nmae` in the top level, did you mean `name`?"],
    [
      "a key of another table",
      pool("cpus = 2"),
      "mayfly.toml:3: Unknown key `cpus` in [[pool]]: it belongs to [pool.qemu]",
    ],
    [
      "a key that is far from all",
      "[api]\nquux = 1",
      "mayfly.toml:2: Unknown key `quux` in [api]: known are socket, listen, cert, key, token_file",
    ],
    ["a key that no object can hold", "__proto__ = 1", "mayfly.toml:1: Unknown key `__proto__`"],
    [
      "a word for a number",
      pool('idle_count = "two"'),
      'mayfly.toml:3: Expected `pool.idle_count` to be an integer from 0 to 10000, got "two"',
    ],
    [
      "a broken number",
      "max_machines = 1.5",
      "mayfly.toml:1: Expected `max_machines` to be an integer from 1 to 10000, got 1.5",
    ],
    [
      "a number out of range",
      pool("[pool.qemu]\ncpus = 65"),
      "mayfly.toml:4: Expected `pool.qemu.cpus` to be an integer from 1 to 64, got 65",
    ],
    [
      "a duration without a unit",
      pool("idle_time = 20"),
      'mayfly.toml:3: Expected `pool.idle_time` to be a duration such as "20m", "1h30m" or "45s", got 20',
    ],
    [
      "a duration in a wrong unit",
      pool('max_age = "12 hours"'),
      'mayfly.toml:3: Expected `pool.max_age` to be a duration such as "20m", "1h30m" or "45s", got "12 hours"',
    ],
    [
      "a duration out of range",
      pool('boot_timeout = "0s"'),
      'mayfly.toml:3: Expected `pool.boot_timeout` to be a duration from 1s to 365d, got "0s"',
    ],
    [
      "a size in a wrong unit",
      pool('qemu = { disk = "20GB" }'),
      'mayfly.toml:3: Expected `pool.qemu.disk` to be a size such as "2GiB" or "512MiB", got "20GB"',
    ],
    [
      "a size out of range",
      pool('qemu.memory = "255MiB"'),
      'mayfly.toml:3: Expected `pool.qemu.memory` to be a size from 256MiB to 1TiB in whole MiB, got "255MiB"',
    ],
    [
      "a size of uneven parts",
      pool('qemu.disk = "1025MiB"'),
      'mayfly.toml:3: Expected `pool.qemu.disk` to be a size from 1GiB to 16TiB in whole GiB, got "1025MiB"',
    ],
    [
      "an image that is to install what it holds",
      pool('guest.engine = "install"'),
      'mayfly.toml:3: Expected `pool.guest.engine` to be "baked" in a pool of driver "qemu", got "install"',
    ],
    [
      "a price below nothing",
      pool("cost.usd_per_hour = -1"),
      "mayfly.toml:3: Expected `pool.cost.usd_per_hour` to be a price in US dollars, from 0 to 1000, got -1",
    ],
    [
      "a price in words",
      pool('cost.usd_per_hour_by_type = { "m7i.large" = "cheap" }'),
      'mayfly.toml:3: Expected `pool.cost.usd_per_hour_by_type.m7i.large` to be a price in US dollars, from 0 to 1000, got "cheap"',
    ],
    [
      "an unknown driver",
      pool(`driver = "gcp"`),
      `mayfly.toml:3: Expected \`pool.driver\` to be "qemu" or "ec2", got "gcp"`,
    ],
    [
      "an unknown mode",
      pool('guest = { docker = "podman" }'),
      'mayfly.toml:3: Expected `pool.guest.docker` to be "dind" or "socket" or "none", got "podman"',
    ],
    [
      "root as the account of jobs",
      pool('guest.user = "root"'),
      'mayfly.toml:3: Expected `pool.guest.user` to be the name of an account other than root, such as "runner", got "root"',
    ],
    [
      "a relative directory",
      'state_dir = "state"',
      'mayfly.toml:1: Expected `state_dir` to be an absolute path such as "/var/lib/mayfly", got "state"',
    ],
    [
      "a pool without a name",
      "[[pool]]\nidle_count = 1",
      'mayfly.toml:1: Expected `pool.name` to be a name of a-z, 0-9 and inner dashes, at most 63 characters, such as "small", got nothing',
    ],
    [
      "a name with capitals",
      '[[pool]]\nname = "Big"',
      'mayfly.toml:2: Expected `pool.name` to be a name of a-z, 0-9 and inner dashes, at most 63 characters, such as "small", got "Big"',
    ],
    [
      "two pools of one name",
      `${pool("")}${pool("")}`,
      'mayfly.toml:5: Expected `pool.name` to be unique, got "a" again (first at mayfly.toml:2)',
    ],
    [
      "more idle machines than machines",
      pool("max_machines = 2\nidle_count = 3"),
      "mayfly.toml:4: Expected `pool.idle_count` to be at most `pool.max_machines` (2), got 3",
    ],
    [
      "more idle machines than the default of max_machines",
      pool("idle_count = 3"),
      "mayfly.toml:3: Expected `pool.idle_count` to be at most `pool.max_machines` (2), got 3",
    ],
    [
      "more idle machines than all pools may have",
      `max_machines = 1\n${pool("idle_count = 2")}`,
      "mayfly.toml:1: Expected `max_machines` to be at least the sum of all `pool.idle_count` (2), got 1",
    ],
    [
      "one table where several belong",
      '[pool]\nname = "a"',
      "mayfly.toml:1: Expected `pool` to be an array of tables, each under [[pool]], got a table",
    ],
    ["no pool at all", "pool = []", "mayfly.toml:1: Expected `pool` to be an array of at least one pool, got an array"],
    ["a value where a table belongs", "api = 3", "mayfly.toml:1: Expected `api` to be a table, got 3"],
    [
      "a date",
      "name = 2026-11-23",
      'mayfly.toml:1: Expected `name` to be a name of a-z, 0-9 and inner dashes, at most 63 characters, such as "small", got a date',
    ],
    [
      "a missing value",
      "name = # later\n\nmax_machines = 1",
      "mayfly.toml:1: Expected TOML: Unspecified values are invalid",
    ],
    [
      "a key that stands twice",
      'name = "a"\nname = "b"',
      "mayfly.toml:2:1: Expected TOML: Defining a key multiple times is invalid",
    ],
  ])("names the line, the rule and the value of %s", (_title, text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  it("comes with all others, in the order of the lines", () => {
    const text = `max_machines = 0\n${pool('idle_count = 5\nmax_machines = 2\nidel_time = "1m"\nmax_age = 3')}`;

    expect(problemsOf(text).map((problem) => problem.split(":", 2).join(":"))).toEqual([
      "mayfly.toml:1",
      "mayfly.toml:4",
      "mayfly.toml:6",
      "mayfly.toml:7",
    ]);
  });

  it.each(["http://ci:hunter2@mirror:5000", "ftp://mirror", "mirror:5000", "http://mirror/path", "http://mirror/?q"])(
    "is met for the mirror %s, and credentials stay hidden",
    (url) => {
      const problems = problemsOf(pool(`guest.registry_mirror = "${url}"`));

      expect(problems).toHaveLength(1);
      expect(problems[0]).toContain("mayfly.toml:3: Expected `pool.guest.registry_mirror` to be an http or https URL");
      expect(problems[0]).not.toContain("hunter2");
    },
  );

  it("is met for a socket path that the system cannot bind", () => {
    const long = `/${"x".repeat(107)}`;

    expect(problemsOf(`[api]\nsocket = "${long}"`)[0]).toContain(
      "mayfly.toml:2: Expected `api.socket` to be at most 107 bytes long, as the system demands, got 108",
    );
    expect(problemsOf(`state_dir = "${long}"`)[0]).toMatch(/^mayfly\.toml:1: .*set a shorter `api\.socket`$/);
  });
});
