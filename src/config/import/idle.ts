import { formatDuration } from "../units.ts";
import type { DraftLine } from "./draft.ts";

const YEAR_MS = 365 * 86_400_000;

/** What a pool, or a section of its schedule, keeps ready, with where each came from. */
export interface IdleDraft {
  readonly idleCount: Sourced;
  readonly idleTimeMs: Sourced;
  readonly factor: Sourced;
  readonly min: Sourced;
  readonly max: Sourced;
}

interface Sourced {
  readonly value: number;
  readonly why: string;
}

/** Tells whether a factor scales anything: between equal bounds it cannot. */
export const isScaled = ({ factor, min, max }: IdleDraft): boolean => factor.value > 0 && min.value < max.value;

/**
 * Writes what is kept ready. Sections inherit nothing there and leave nothing open here, so that they get nothing from their pool.
 * @param hasScale whether anything in the pool scales, so that all must say how much.
 */
export function idleLines(draft: IdleDraft, hasScale: boolean): DraftLine[] {
  const { idleCount, idleTimeMs, factor, min, max } = draft;
  const lines = [
    line("idle_count", idleCount.value, idleCount.why),
    line("idle_time", formatDuration(Math.min(YEAR_MS, idleTimeMs.value)), idleTimeMs.why),
  ];
  if (!hasScale) return lines;
  const isOn = isScaled(draft);
  return [
    ...lines,
    line("idle_scale_factor", isOn ? Math.min(100, factor.value) : 0, isOn ? factor.why : "nothing scales"),
    line("idle_count_min", isOn ? min.value : idleCount.value, isOn ? min.why : "nothing scales"),
    line("idle_count_max", isOn ? max.value : idleCount.value, isOn ? max.why : "nothing scales"),
  ];
}

const line = (key: string, value: string | number, why: string): DraftLine => ({ key, value, why });
