import fc from "fast-check";
import { expect, it } from "vitest";
import { ConfigError } from "../../../../src/domain/errors.ts";
import { importText } from "../../../support/runnerConfigs.ts";

type Keys = Readonly<Record<string, fc.Arbitrary<unknown>>>;

const anyOption = fc
  .tuple(
    fc.constantFrom(
      ...["ami", "region", "tags", "root-size", "zone", "subnet-id", "security-group", "instance-type", "endpoint"],
      ...["iam-instance-profile", "request-spot-instance", "private-address-only", "secret-key", "no-such-option"],
    ),
    fc.oneof(
      fc.string(),
      fc.constantFrom("sg-0123456789abcdef0", "subnet-0123456789abcdef0", "30", "true", "a,b,c", "eu-west-1"),
    ),
  )
  .map(([name, value]) => `amazonec2-${name}=${value}`);
const anyCount = fc.oneof(fc.nat(12), fc.nat(2 ** 31));
const anyFactor = fc.oneof(fc.constantFrom(0, 0.5, 3), fc.double({ min: 0, max: 1e6, noNaN: true }));
const anyZone = fc.constantFrom("", "Local", "UTC", "Europe/Berlin");
const anyPeriods = (...texts: string[]) => fc.array(fc.constantFrom(...texts), { maxLength: 3 });

const RUNNER: Keys = { name: fc.string(), limit: anyCount, token: fc.string(), environment: fc.array(fc.string()) };
const IDLE: Keys = { IdleCount: anyCount, idletime: anyCount, IdleScaleFactor: anyFactor, IdleCountMin: anyCount };
const MACHINE: Keys = {
  ...IDLE,
  ...{ MaxGrowthRate: anyCount, MaxBuilds: anyCount, OffPeakIdleCount: anyCount },
  MachineDriver: fc.constantFrom("amazonec2", "amazonec2", "google"),
  MachineOptions: fc.array(fc.oneof(anyOption, fc.string(), fc.constant("engine-registry-mirror=http://m:5000"))),
  MachineOptionsWithName: fc.array(fc.string()),
};
const SECTION: Keys = {
  ...IDLE,
  Periods: anyPeriods("* * 9-17 * * mon-fri *", "* 9 * * *", "0 0 1/5 L * ? 2027"),
  Timezone: anyZone,
};
const AUTOSCALER: Keys = {
  ...{ max_instances: anyCount, capacity_per_instance: anyCount, max_use_count: anyCount, state_storage: fc.string() },
  plugin: fc.constantFrom("aws", "googlecloud:latest", "fleeting-plugin-aws"),
};
const POLICY: Keys = {
  ...{ idle_count: anyCount, scale_factor: anyFactor, scale_factor_limit: anyCount, preemptive_mode: fc.boolean() },
  idle_time: fc.constantFrom("20m0s", "0", "9999999h", "1.5h"),
  periods: anyPeriods("* * * * *", "* 9-17 * * mon-fri"),
  timezone: anyZone,
};

/** Some keys with values that fit, now and then with one of another type. */
const anyTable = (keys: Keys): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.record(keys, { requiredKeys: [] }),
      fc.oneof(
        { weight: 12, arbitrary: fc.constant(null) },
        { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...Object.keys(keys)), fc.constantFrom(1, -1, "x", true)) },
      ),
    )
    .map(([table, wrong]) =>
      Object.entries({ ...table, ...(wrong === null ? {} : { [wrong[0]]: wrong[1] }) })
        .map(([key, value]) => `${key} = ${JSON.stringify(value).replaceAll("\u007f", "")}`)
        .join("\n"),
    );

const anyRunner = (executor: string, table: string, keys: Keys, inner: string, innerKeys: Keys) =>
  fc
    .tuple(anyTable(RUNNER), anyTable(keys), fc.array(anyTable(innerKeys), { maxLength: 2 }))
    .map(([runner, own, sections]) => {
      const more = sections.map((section) => `[[runners.${table}.${inner}]]\n${section}`).join("\n");
      return `[[runners]]\n${runner}\nexecutor = "${executor}"\n[runners.${table}]\n${own}\n${more}`;
    });

it("makes a config that passes the check of whatever it takes, and refuses the rest at a line of the runner's file", () => {
  let [taken, refused] = [0, 0];
  const runners = fc.array(
    fc.oneof(
      anyRunner("docker+machine", "machine", MACHINE, "autoscaling", SECTION),
      anyRunner("instance", "autoscaler", AUTOSCALER, "policy", POLICY),
    ),
    { minLength: 1, maxLength: 2 },
  );
  fc.assert(
    fc.property(fc.nat(100), runners, (concurrent, texts) => {
      try {
        const { pools } = importText(`concurrent = ${concurrent}\n${texts.join("\n")}`);
        taken += 1;
        expect(pools).toHaveLength(texts.length);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        refused += 1;
        for (const { place, message } of error.problems) expect(`${place}: ${message}`).toMatch(/^config\.toml:\d+: /);
      }
    }),
    { numRuns: 120 },
  );

  expect(taken).toBeGreaterThan(30);
  expect(refused).toBeGreaterThan(3);
});
