import type { EpochMs } from "../domain/ids.ts";
import type { DesiredPool, ScheduleSection } from "../domain/pool.ts";
import { describeSection } from "../planning/schedule/describe.ts";
import { scheduleFrom } from "../planning/schedule/section.ts";
import type { HeldSection, Schedule } from "../planning/schedule/section.ts";

/** The schedules of pools, read once, and what they said last: most passes ask within one section. */
export interface Schedules {
  /** Tells which section of a pool's schedule holds. @param at on the host's clock. Undefined for a pool without a schedule. */
  heldAt(pool: DesiredPool, at: EpochMs): HeldNow | undefined;
}

interface HeldNow extends HeldSection {
  /** It in words. */
  readonly text: string;
}

interface Known {
  readonly sections: readonly ScheduleSection[];
  readonly schedule: Schedule;
  readonly fromAt: EpochMs;
  readonly held: HeldNow;
}

/** Creates an empty memory of schedules. */
export function createSchedules(): Schedules {
  const knownByPool = new Map<string, Known>();
  return {
    heldAt({ name, schedule: sections }, at) {
      if (sections === undefined || sections.length === 0) return undefined;
      const last = knownByPool.get(name);
      const known = last?.sections === sections ? last : undefined;
      if (known !== undefined && at >= known.fromAt && at < known.held.untilAt) return known.held;
      const schedule = known?.schedule ?? scheduleFrom(sections);
      const section = schedule.heldAt(at);
      const held = { ...section, text: describeSection(sections, section) };
      knownByPool.set(name, { sections, schedule, fromAt: at, held });
      return held;
    },
  };
}
