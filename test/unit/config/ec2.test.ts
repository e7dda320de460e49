import { expect, it } from "vitest";
import { explainConfig, parseConfig } from "../../../src/config/parse.ts";
import { ConfigError } from "../../../src/domain/errors.ts";

const NEEDED = `region = "eu-central-1"
ami = "ami-0123456789abcdef0"
instance_types = ["m7i.large", "m6i.large"]
subnets = ["subnet-0123456789abcdef0"]
security_groups = ["sg-0123456789abcdef0"]
`;
const file = (lines: string, driver = "ec2"): string =>
  `[[pool]]\nname = "cloud"\ndriver = "${driver}"\n\n[pool.ec2]\n${lines}`;
const shapeOf = (text: string) => parseConfig(text, "mayfly.toml", "/state").pools[0]?.shape;

function problemsOf(text: string): string[] {
  try {
    parseConfig(text, "mayfly.toml", "/state");
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ place, message }) => `${place}: ${message}`);
    throw error;
  }
  return [];
}

it("reads a pool of EC2 machines, with its defaults", () => {
  expect(shapeOf(file(NEEDED))).toEqual({
    driver: "ec2",
    region: "eu-central-1",
    profile: undefined,
    endpoint: undefined,
    ami: "ami-0123456789abcdef0",
    instanceTypes: ["m7i.large", "m6i.large"],
    subnets: ["subnet-0123456789abcdef0"],
    securityGroups: ["sg-0123456789abcdef0"],
    market: "spot-first",
    diskGiB: 30,
    instanceProfile: undefined,
    publicAddress: false,
    tags: {},
  });
});

it("reads every setting of such a pool", () => {
  const more = `profile = "ci"
endpoint = "https://ec2.example.com"
market = "on-demand"
disk = "100GiB"
instance_profile = "job-role"
public_address = true
tags = { team = "ci", "cost center" = "7" }
`;

  expect(shapeOf(file(NEEDED + more))).toMatchObject({
    profile: "ci",
    endpoint: "https://ec2.example.com",
    market: "on-demand",
    diskGiB: 100,
    instanceProfile: "job-role",
    publicAddress: true,
    tags: { team: "ci", "cost center": "7" },
  });
});

it("shows the defaults of such a pool with where they come from", () => {
  const { entries } = explainConfig(file(NEEDED), "mayfly.toml", "/state");

  expect(entries).toContainEqual({ path: ["pool", 0, "ec2", "market"], value: "spot-first", origin: "default" });
  expect(entries.filter(({ path }) => path.includes("qemu"))).toEqual([]);
});

it("names every setting that a pool of EC2 machines lacks", () => {
  expect(problemsOf(file(""))).toEqual(
    ["region", "ami", "instance_types", "subnets", "security_groups"].map((key) =>
      expect.stringMatching(new RegExp(`^mayfly.toml:5: Expected \`pool.ec2.${key}\` to be .*, got nothing$`)),
    ),
  );
});

it.each([
  ['subnet = ["subnet-0123456789abcdef0"]', "Unknown key `subnet` in [pool.ec2], did you mean `subnets`?"],
  ['tags = { "mayfly:owner" = "me" }', "Expected `pool.ec2.tags` to be a table of at most 40 texts"],
  ['market = "cheap"', 'Expected `pool.ec2.market` to be "spot-first" or "spot" or "on-demand", got "cheap"'],
  ['endpoint = "ftp://x"', "Expected `pool.ec2.endpoint` to be an http or https URL without credentials"],
])("refuses %s", (line, message) => {
  expect(problemsOf(file(NEEDED + line))).toEqual([expect.stringContaining(message)]);
});

it("wants the table in a pool of EC2 machines, and in no other", () => {
  expect(problemsOf('[[pool]]\nname = "cloud"\ndriver = "ec2"\n')).toEqual([
    'mayfly.toml:3: Expected [pool.ec2] in a pool of driver "ec2": it says the region, the image, the types and the network',
  ]);
  expect(problemsOf(file(NEEDED, "qemu"))).toEqual([
    'mayfly.toml:5: Expected `pool.driver` to be "ec2" in a pool that has [pool.ec2]',
  ]);
});

it("takes nothing of a local machine in such a pool", () => {
  expect(problemsOf(`${file(NEEDED)}\n[pool.qemu]\ncpus = 4\n`)).toEqual([
    'mayfly.toml:12: Expected `pool.driver` to be "qemu" in a pool that has [pool.qemu]',
  ]);
});

it("takes a stock image, which installs the engine, and a prepared one", () => {
  const engineOf = (lines: string) => parseConfig(file(NEEDED) + lines, "mayfly.toml", "/state").pools[0]?.guest.engine;

  expect(engineOf('[pool.guest]\nengine = "install"\n')).toBe("install");
  expect(engineOf("")).toBe("baked");
});

it("reads how many machines a pool of on-demand machines keeps stopped, none by itself", () => {
  const countOf = (lines: string, market: string) =>
    parseConfig(file(`${NEEDED}market = "${market}"\n`).replace("\n\n", `\n${lines}\n`), "mayfly.toml", "/state")
      .pools[0]?.stoppedCount;

  expect(countOf("max_machines = 4\nstopped_count = 3", "on-demand")).toBe(3);
  expect(countOf("", "spot-first")).toBe(0);
});

it.each([
  [
    "in a pool whose machines may be spot ones",
    file(`${NEEDED}market = "spot-first"\n`).replace("\n\n", "\nstopped_count = 1\n\n"),
    'mayfly.toml:12: Expected `pool.ec2.market` to be "on-demand" in a pool with `pool.stopped_count` above 0, since spot machines cannot be stopped and started again, got "spot-first"',
  ],
  [
    "where the market is the default, a spot one",
    file(NEEDED).replace("\n\n", "\nstopped_count = 1\n\n"),
    'mayfly.toml:6: Expected `pool.ec2.market` to be "on-demand" in a pool with `pool.stopped_count` above 0, since spot machines cannot be stopped and started again, got "spot-first"',
  ],
  [
    "in a pool of another driver",
    '[[pool]]\nname = "local"\nstopped_count = 1\n',
    'mayfly.toml:3: Expected `pool.stopped_count` to be 0 in a pool of driver "qemu", whose machines cannot be stopped, got 1',
  ],
  [
    "beyond the pool's limit",
    file(`${NEEDED}market = "on-demand"\n`).replace("\n\n", "\nmax_machines = 3\nstopped_count = 3\n\n"),
    "mayfly.toml:5: Expected `pool.idle_count` and `pool.stopped_count` together to be at most `pool.max_machines` (3), got 1 and 3",
  ],
  [
    "beyond the limit over all pools",
    `max_machines = 3\n${file(`${NEEDED}market = "on-demand"\n`).replace("\n\n", "\nmax_machines = 4\nstopped_count = 3\n\n")}`,
    "mayfly.toml:1: Expected `max_machines` to be at least the sum of all `pool.idle_count` and `pool.stopped_count` (4), got 3",
  ],
  [
    "that is no count",
    file(`${NEEDED}market = "on-demand"\n`).replace("\n\n", "\nstopped_count = -1\n\n"),
    "mayfly.toml:4: Expected `pool.stopped_count` to be an integer from 0 to 10000, got -1",
  ],
])("refuses stopped machines %s", (_where, text, problem) => {
  expect(problemsOf(text)).toEqual([problem]);
});

it("refuses more offerings than one launch may name", () => {
  const many = (prefix: string, count: number): string =>
    Array.from({ length: count }, (_, index) => `"${prefix}${String(index).padStart(8, "0")}"`).join();
  const lines = NEEDED.replace(/instance_types.*\n/, `instance_types = [${many("m7i.x", 31)}]\n`).replace(
    /subnets.*\n/,
    `subnets = [${many("subnet-", 10)}]\n`,
  );

  expect(problemsOf(file(lines))).toEqual([expect.stringContaining("at most 300, got 31 times 10")]);
});
