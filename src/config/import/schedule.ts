import type { Problem } from "../../domain/errors.ts";
import { timezone } from "../fields.ts";
import type { DraftLine } from "./draft.ts";
import { fromSetting } from "./draft.ts";
import type { Notes, Origin } from "./notes.ts";
import type { ImportedPeriod } from "./periods.ts";
import type { Read, Section } from "./read.ts";

const zoneField = timezone();

/** What translating a schedule takes beside the file. */
export interface ScheduleContext {
  readonly notes: Notes;
  readonly problems: Problem[];
  /** The time zone of the host that the runner runs on: theirs where none is named. */
  readonly localZone: string;
}

/** Translates periods; one that is none becomes a problem. */
export function periodsLine(
  periods: Read<readonly string[]>,
  translate: (text: string) => ImportedPeriod | undefined,
  shape: string,
  { notes, problems }: ScheduleContext,
): DraftLine {
  const translated = periods.value.map((text) => {
    const period = translate(text);
    if (period === undefined)
      problems.push({
        place: periods.place,
        message: `Expected \`${periods.name}\` to be ${shape}, got ${JSON.stringify(text.slice(0, 80))}`,
      });
    else if (period.lost !== "") notes.add("changed", periods, `${JSON.stringify(text)} lost ${period.lost}`);
    return period?.period ?? "* * * * *";
  });
  notes.add("became", periods, "pool.schedule.periods, of five fields");
  return { key: "periods", value: translated, why: fromSetting(periods) };
}

/** Translates a time zone. Without one, the clocks of the runner's host count there. */
export function timezoneLine(section: Section, { notes, problems, localZone }: ScheduleContext): DraftLine {
  const zone = section.text("timezone");
  if (zone !== undefined && !["", "Local"].includes(zone.value)) {
    if (!zoneField.safeParse(zone.value).success)
      problems.push({ place: zone.place, message: `Expected \`${zone.name}\` to be a time zone, got "${zone.value}"` });
    notes.add("became", zone, "pool.schedule.timezone");
    return { key: "timezone", value: zone.value, why: fromSetting(zone) };
  }
  const origin: Origin = zone ?? { place: section.place, name: `${section.name}.Timezone` };
  const text = `not set, which is the local time of the runner's host: ${localZone} was taken, this host's (--timezone names another)`;
  notes.add("changed", origin, text);
  return { key: "timezone", value: localZone, why: `${origin.place} Timezone is not set: this host's` };
}
