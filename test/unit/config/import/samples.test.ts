import { describe, expect, it } from "vitest";
import { importText, SAMPLES, sampleText } from "../../../support/runnerConfigs.ts";

describe.each(SAMPLES)("the sample %s", (name) => {
  const text = sampleText(name);
  const { toml, notes } = importText(text);

  it("gives a file that passes the check, with an origin on every line", () => {
    const lines = toml.split("\n").filter((line) => line.includes(" = "));

    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) expect(line).toMatch(/ {2}# .+/);
  });

  it("brings no secret into the file, nor into what is said of it", () => {
    expect(text).toContain("hunter2");
    expect(toml).not.toContain("hunter2");
    expect(JSON.stringify(notes)).not.toContain("hunter2");
  });

  it("says of every setting what became of it", () => {
    const lines = text.split("\n");
    const told = new Set(notes.map(({ place }) => Number(place.split(":")[1])));
    const inRunner = (line: string): boolean => /^\s*(?:[A-Za-z_]+ = |"[a-z0-9-]+=)/.test(line);
    // What stays with the runner as a whole table, and a runner's own name, are told of once.
    const whole =
      /name = |MachineOptions|session_timeout|s3|Shared|Type|AccessKey|SecretKey|BucketName|ServerAddress|enabled|concurrency/;
    const plain = name === "both" ? lines.slice(0, 15) : [];
    const silent = lines.filter(
      (line, index) => inRunner(line) && !told.has(index + 1) && !whole.test(line) && !plain.includes(line),
    );

    expect(silent).toEqual([]);
  });
});

it("takes a docker+machine runner over, with what it sets and what it leaves to its defaults", () => {
  const { pools } = importText(sampleText("docker-machine"));

  expect(pools).toEqual([
    expect.objectContaining({
      ...{ name: "my-autoscale-runner", maxMachines: 10, maxGrowthRate: 4 },
      ...{ idleCount: 5, idleTimeMs: 600_000, idleScaleFactor: 0.5, idleCountMin: 1, idleCountMax: 5 },
      guest: expect.objectContaining({
        ...{ docker: "dind", engine: "install", registryMirror: "http://10.11.12.13:12345" },
      }),
      shape: expect.objectContaining({
        ...{ driver: "ec2", region: "eu-west-1", ami: "ami-0123456789abcdef0", instanceTypes: ["m7i.large"] },
        ...{ subnets: ["subnet-0123456789abcdef0"], securityGroups: ["sg-0123456789abcdef0"], market: "spot" },
        ...{ diskGiB: 64, instanceProfile: "ci-jobs", publicAddress: false },
        tags: { "runner-manager-name": "gitlab-aws-autoscaler", gitlab: "true" },
      }),
      schedule: [
        expect.objectContaining({ periods: ["* 9-17 * * mon-fri"], idleCount: 8, idleCountMin: 5, idleScaleFactor: 1 }),
        // Unset is 0, and not the root's value.
        expect.objectContaining({ periods: ["* * * * sat,sun"], idleCount: 0, idleTimeMs: 60_000, idleScaleFactor: 0 }),
        expect.objectContaining({ periods: ["30-59/10 12 * * *", "* 3 L * *"], idleCount: 2, idleTimeMs: 0 }),
      ],
    }),
  ]);
});

it("takes a docker-autoscaler runner over, its first policy as the pool's own", () => {
  const { pools, notes } = importText(sampleText("docker-autoscaler"));

  expect(pools).toEqual([
    expect.objectContaining({
      // Ten instances with two jobs each are twenty machines with one.
      ...{ name: "docker-autoscaler-example", maxMachines: 20, maxGrowthRate: 20, bootTimeoutMs: 600_000 },
      ...{ idleCount: 5, idleTimeMs: 1_200_000, idleScaleFactor: 0 },
      guest: expect.objectContaining({ docker: "socket" }),
      shape: expect.objectContaining({ driver: "ec2", profile: "default", publicAddress: true, ami: "ami-00000000" }),
      schedule: [
        expect.objectContaining({
          ...{ periods: ["* 7-19 * * mon-fri"], timezone: "America/New_York", idleCount: 4, idleTimeMs: 1_800_000 },
          ...{ idleScaleFactor: 1.5, idleCountMin: 4, idleCountMax: 12 },
        }),
      ],
    }),
  ]);
  expect(notes.filter(({ verdict }) => verdict === "missing").map(({ setting }) => setting)).toEqual([
    "pool.ec2.region",
    "pool.ec2.ami",
    "pool.ec2.instance_types",
    "pool.ec2.subnets",
    "pool.ec2.security_groups",
    "pool.ec2.market",
  ]);
});

it("makes a pool of each runner that has machines, under a name of its own, and leaves the others alone", () => {
  const { pools, notes, toml } = importText(sampleText("both"));

  expect(pools.map(({ name, maxMachines, shape }) => [name, maxMachines, shape.driver])).toEqual([
    ["machines", 10, "ec2"],
    ["machines-2", 3, "qemu"],
  ]);
  expect(toml).toContain("max_machines = 13");
  expect(notes).toContainEqual({
    ...{ verdict: "stays", place: "config.toml:12", setting: "runners.executor" },
    text: "this executor launches no machines: the runner goes on without mayfly",
  });
});

it("names what is lost, at its line", () => {
  const { notes } = importText(sampleText("docker-machine"));
  const of = (setting: string) => notes.find((note) => note.setting.endsWith(setting));

  expect(of("amazonec2-spot-price")).toMatchObject({ verdict: "lost", place: "config.toml:51" });
  expect(of("amazonec2-secret-key")).toMatchObject({
    verdict: "secret",
    text: expect.stringContaining("AWS_SECRET_ACCESS_KEY in its environment"),
  });
  expect(notes.filter(({ text }) => text.includes("lost the second"))).toEqual([
    {
      ...{ verdict: "changed", place: "config.toml:68", setting: "runners.machine.autoscaling.Periods" },
      text: '"0-29 30/10 12 * * ? 2026" lost the second "0-29" (it holds for whole minutes now) and the year "2026" (it holds in every year now)',
    },
  ]);
});

it("pays on demand where the file asks for no spot machines", () => {
  expect(importText(sampleText("both")).pools[0]?.shape).toMatchObject({ market: "on-demand", publicAddress: true });
});
