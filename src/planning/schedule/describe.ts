import type { DesiredPool, ScheduleSection } from "../../domain/pool.ts";
import type { HeldSection } from "./section.ts";

/** Says which section of a pool's schedule holds, and until when, e.g. `schedule section 1 (…) until 2026-11-27 18:00 Europe/Berlin`. */
export function describeSection(schedule: readonly ScheduleSection[], { index, untilAt, next }: HeldSection): string {
  const held = index === undefined ? undefined : schedule[index];
  const what = held === undefined ? "no schedule section" : `schedule section ${(index ?? 0) + 1} (${periodsOf(held)})`;
  const zone = (held ?? schedule[next?.index ?? 0])?.timezone ?? "UTC";
  const verb = next === undefined ? "at least until" : "until";
  return `${what} ${verb} ${timeIn(zone, untilAt)}`;
}

/** Says how the idle count of this moment follows from what is leased; empty where it does not. */
export function describeScale(wish: DesiredPool, leasedCount: number): string {
  const { idleScaleFactor = 0, idleCount } = wish;
  if (idleScaleFactor <= 0) return "";
  return `idle_count is ${idleCount} by idle_scale_factor ${idleScaleFactor} of ${leasedCount} leased`;
}

const periodsOf = ({ periods, timezone }: ScheduleSection): string => `${periods.join(" | ")}, ${timezone}`;

function timeIn(timeZone: string, at: number): string {
  const date = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "short" }).format(at);
  return `${date} ${timeZone}`;
}
