import type { DraftLine } from "./draft.ts";
import { fromSetting } from "./draft.ts";
import { parseGoDuration } from "./goDuration.ts";
import type { IdleDraft } from "./idle.ts";
import { periodFromPolicy } from "./periods.ts";
import type { Section } from "./read.ts";
import { periodsLine, timezoneLine } from "./schedule.ts";
import type { ScheduleContext } from "./schedule.ts";

const SHAPE =
  'cron expressions of five fields (minute, hour, day of month, month, day of week), such as "* 9-17 * * mon-fri"';

/** Tells whether a policy holds at all times. */
export const isAlways = (policy: Section): boolean =>
  (policy.list("periods")?.value ?? []).every((period) => period.trim() === "* * * * *");

/** Translates when a policy holds. */
export function policyPeriods(policy: Section, context: ScheduleContext): DraftLine[] {
  const periods = policy.list("periods");
  if (periods === undefined || periods.value.length === 0) {
    // When it always holds, no clock matters.
    policy.origin("timezone");
    return [{ key: "periods", value: ["* * * * *"], why: `${(periods ?? policy).place} periods is not set: always` }];
  }
  return [periodsLine(periods, periodFromPolicy, SHAPE, context), timezoneLine(policy, context)];
}

/** Translates what a policy keeps ready. It counts jobs; every machine takes one here. */
export function policyIdle(policy: Section, maxMachines: number, { notes, problems }: ScheduleContext): IdleDraft {
  const count = policy.count("idle_count");
  const time = policy.text("idle_time");
  const factor = policy.factor("scale_factor");
  const limit = policy.count("scale_factor_limit");
  const unset = (key: string): string => `${policy.place} ${key} is not set: 0`;
  const idleTimeMs = time === undefined ? 0 : parseGoDuration(time.value);
  if (time !== undefined && idleTimeMs === undefined)
    problems.push({
      place: time.place,
      message: `Expected \`${time.name}\` to be a duration such as "20m0s", got ${JSON.stringify(time.value.slice(0, 40))}`,
    });
  const idleCount = { value: count?.value ?? 0, why: count === undefined ? unset("idle_count") : fromSetting(count) };
  if (count !== undefined)
    notes.add("became", count, "idle_count: of jobs there, of machines here, each of which takes one job");
  if (time !== undefined) notes.add("became", time, "idle_time");
  const isOn = (factor?.value ?? 0) > 0;
  if (factor !== undefined)
    notes.add(
      isOn ? "changed" : "became",
      factor,
      isOn ? "idle_scale_factor: of leased machines, rounded down" : "idle_scale_factor",
    );
  if (limit !== undefined)
    notes.add(isOn ? "became" : "lost", limit, isOn ? "idle_count_max" : "it counts only with a scale_factor");
  const hasLimit = limit !== undefined && limit.value > 0;
  return {
    idleCount,
    idleTimeMs: { value: idleTimeMs ?? 0, why: time === undefined ? unset("idle_time") : fromSetting(time) },
    factor: { value: factor?.value ?? 0, why: factor === undefined ? unset("scale_factor") : fromSetting(factor) },
    min: { value: idleCount.value, why: `${idleCount.why}, which is the least` },
    max: {
      value: hasLimit ? Math.max(limit.value, idleCount.value) : maxMachines,
      why: hasLimit ? fromSetting(limit) : "scale_factor_limit sets no limit: max_machines",
    },
  };
}
