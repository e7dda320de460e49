import fc from "fast-check";
import { expect, it } from "vitest";
import type { DesiredPool } from "../../../../src/domain/pool.ts";
import { scheduleFrom } from "../../../../src/planning/schedule/section.ts";
import { wishNow } from "../../../../src/planning/schedule/wish.ts";
import { anyRule, anySetClock, cronFrom, isIn, wallClockIn } from "../../../support/cron.ts";
import type { CronRule } from "../../../support/cron.ts";
import { importText } from "../../../support/runnerConfigs.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Tells what a pool keeps ready at an instant, while so many machines are leased. */
function wishOf(pool: DesiredPool | undefined): (at: number, leased: number) => object {
  if (pool === undefined) throw new Error("there is no pool");
  const { schedule = [] } = pool;
  const read = scheduleFrom(schedule);
  return (at, leased) => {
    const { index } = read.heldAt(at);
    const { idleCount, idleTimeMs } = wishNow(pool, index === undefined ? undefined : schedule[index], leased);
    return { idleCount, idleTimeMs };
  };
}

/** Idle settings of docker+machine; what is undefined is not in the file. */
interface MachineIdle {
  readonly IdleCount: number | undefined;
  readonly IdleTime: number | undefined;
  readonly IdleScaleFactor: number | undefined;
  readonly IdleCountMin: number | undefined;
}

/** GitLab's rule: what is not set is 0; with a factor, int(used × factor), IdleCountMin (1 at least) to IdleCount. */
function machineLevel(idle: MachineIdle, used: number, limit: number): { idleCount: number; idleTimeMs: number } {
  const { IdleCount = 0, IdleTime = 0, IdleScaleFactor = 0, IdleCountMin = 0 } = idle;
  const scaled = Math.max(1, IdleCountMin, Math.trunc(used * IdleScaleFactor));
  const level = IdleScaleFactor > 0 ? Math.min(IdleCount, scaled) : IdleCount;
  return { idleCount: Math.min(limit, level), idleTimeMs: IdleTime * 1000 };
}

const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined });
const anyFactor = fc.constantFrom(0, 0.25, 0.5, 1, 1.1, 2.5);
const anyMachineIdle: fc.Arbitrary<MachineIdle> = fc.record({
  IdleCount: maybe(fc.nat(15)),
  IdleTime: maybe(fc.nat(5_000)),
  IdleScaleFactor: maybe(anyFactor),
  IdleCountMin: maybe(fc.nat(12)),
});

const lines = (values: object): string =>
  Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) =>
        `${key} = ${key === "IdleScaleFactor" && Number.isInteger(value) ? `${value}.0` : JSON.stringify(value)}`,
    )
    .join("\n");

/** A period of seven fields that says what a rule says, in one of the ways to say so. */
const sevenFields = (rule: CronRule, second: string, year: string): string => `${second} ${cronFrom(rule)} ${year}`;

const anyMoment = fc.record({ hours: fc.integer({ min: -14, max: 40 }), minute: fc.nat(59), used: fc.nat(20) });

it("says the same for every minute as docker+machine does", () => {
  const anySection = fc.record({
    rules: fc.array(anyRule, { minLength: 1, maxLength: 2 }),
    idle: anyMachineIdle,
    second: fc.constantFrom("*", "0-59"),
    year: fc.constantFrom("*", "?"),
    isZoned: fc.boolean(),
  });
  fc.assert(
    fc.property(
      anyMachineIdle,
      fc.array(anySection, { maxLength: 4 }),
      fc.integer({ min: 1, max: 20 }),
      anySetClock,
      fc.array(anyMoment, { minLength: 10, maxLength: 15 }),
      (root, sections, limit, [timezone, date], moments) => {
        const text = `[[runners]]
executor = "docker+machine"
limit = ${limit}
[runners.machine]
MachineDriver = "amazonec2"
${lines(root)}
${sections
  .map(({ rules, idle, second, year, isZoned }) => {
    const periods = rules.map((rule) => sevenFields(rule, second, year));
    return `[[runners.machine.autoscaling]]\n${lines({ Periods: periods, Timezone: isZoned ? timezone : undefined, ...idle })}`;
  })
  .join("\n")}`;
        const wishAt = wishOf(importText(text, timezone).pools[0]);
        const clock = wallClockIn(timezone);
        for (const { hours, minute, used } of moments) {
          const at = Date.parse(date) + hours * HOUR_MS + minute * MINUTE_MS;
          const section = sections.findLast(({ rules }) => rules.some((rule) => isIn(rule, clock(at))));
          const theirs = machineLevel(section?.idle ?? root, used, limit);

          // In the middle of a minute: in the very last second of a period, the runner has left it already (gitlab-runner#2170).
          expect(wishAt(at + 30_000, used)).toEqual(theirs);
        }
      },
    ),
    { numRuns: 25 },
  );
});

/** A policy of docker-autoscaler; what is undefined is not in the file. */
interface Policy {
  readonly rules: readonly CronRule[];
  readonly idleCount: number | undefined;
  readonly idleMinutes: number | undefined;
  readonly factor: number | undefined;
  readonly limit: number | undefined;
}

/** GitLab's rule: with a factor, idle_count is the least and scale_factor_limit the most; no policy, no idle machines. */
function policyLevel(
  policy: Policy | undefined,
  used: number,
  most: number,
): { idleCount: number; idleTimeMs: number } {
  const { idleCount = 0, idleMinutes = 0, factor = 0, limit = 0 } = policy ?? {};
  const scaled = Math.min(limit > 0 ? limit : Infinity, Math.trunc(used * factor));
  const level = factor > 0 ? Math.max(idleCount, scaled) : idleCount;
  return { idleCount: Math.min(most, level), idleTimeMs: idleMinutes * MINUTE_MS };
}

it("says the same for every minute as docker-autoscaler does, the pool's own policy included", () => {
  const anyPolicy: fc.Arbitrary<Policy> = fc.record({
    rules: fc.array(anyRule, { maxLength: 2 }),
    idleCount: maybe(fc.nat(10)),
    idleMinutes: maybe(fc.nat(100)),
    factor: maybe(anyFactor),
    limit: maybe(fc.nat(15)),
  });
  fc.assert(
    fc.property(
      fc.array(anyPolicy, { maxLength: 4 }),
      fc.integer({ min: 1, max: 20 }),
      anySetClock,
      fc.array(anyMoment, { minLength: 10, maxLength: 15 }),
      (policies, instances, [timezone, date], moments) => {
        const text = `[[runners]]
executor = "docker-autoscaler"
[runners.autoscaler]
plugin = "fleeting-plugin-aws"
max_instances = ${instances}
${policies
  .map(({ rules, idleCount, idleMinutes, factor, limit }) => {
    const periods = rules.length === 0 ? undefined : rules.map(cronFrom);
    const idle_time = idleMinutes === undefined ? undefined : `${idleMinutes}m0s`;
    const values = {
      periods,
      timezone,
      idle_count: idleCount,
      idle_time,
      scale_factor: factor,
      scale_factor_limit: limit,
    };
    return `[[runners.autoscaler.policy]]\n${lines(values)}`;
  })
  .join("\n")}`;
        const wishAt = wishOf(importText(text).pools[0]);
        const clock = wallClockIn(timezone);
        for (const { hours, minute, used } of moments) {
          const at = Date.parse(date) + hours * HOUR_MS + minute * MINUTE_MS;
          const policy = policies.findLast(
            ({ rules }) => rules.length === 0 || rules.some((rule) => isIn(rule, clock(at))),
          );

          expect(wishAt(at, used)).toEqual(policyLevel(policy, used, instances));
        }
      },
    ),
    { numRuns: 25 },
  );
});
