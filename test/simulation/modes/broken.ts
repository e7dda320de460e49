import type { Fault } from "../../../src/simulation/faults/kinds.ts";
import type { DayResult } from "../../../src/simulation/run/runDay.ts";
import type { JournalLine } from "../../../src/simulation/world/journal.ts";
import type { Violation } from "../../../src/simulation/world/world.ts";

/** Everything that it takes to understand a broken promise, and to see it again. */
export interface Broken {
  readonly commit?: string | undefined;
  readonly seed?: number | undefined;
  readonly killedAt: readonly string[];
  readonly violation: Violation;
  readonly faults: readonly Fault[];
  /** No fault of these can be left out. */
  readonly isMinimal: boolean;
  readonly timeline: readonly JournalLine[];
  /** The command that shows it again. */
  readonly replay: string;
}

const TIMELINE_LINES = 80;

/** What befell the machine, lease or job that a promise was broken about, those that it had to do with, and the manager meanwhile. */
export function timelineOf({ lines, violations }: DayResult): JournalLine[] {
  const about = violations[0]?.about ?? "";
  const own = lines.filter((line) => idsOf(line).includes(about));
  const from = own[0]?.atMs ?? lines.at(-1)?.atMs ?? 0;
  const related = new Set(own.flatMap(idsOf));
  const isOfInterest = (line: JournalLine): boolean =>
    idsOf(line).some((id) => related.has(id) || id.startsWith("process-")) ||
    (line.about === "" && line.what.startsWith("fault"));
  return lines.filter((line) => line.atMs >= from && isOfInterest(line)).slice(-TIMELINE_LINES);
}

const idsOf = ({ about }: JournalLine): string[] => about.split(" ").filter((id) => id !== "");

/** Says it in lines for people. */
export function linesOf({ commit, seed, killedAt, violation, faults, isMinimal, timeline, replay }: Broken): string[] {
  const { invariant, atMs, text } = violation;
  const where = seed === undefined ? "the scripted scenario" : `seed ${seed}`;
  const shortest = isMinimal ? "the shortest list that still breaks it" : "a shorter list was not found in time";
  return [
    `${where}${commit === undefined ? "" : ` at commit ${commit}`} breaks ${invariant} after ${secondsOf(atMs)}: ${text}`,
    ...killedAt.map((kill) => `  manager killed at ${kill}`),
    ...(seed === undefined ? [] : [`  ${faults.length} faults, ${shortest}:`]),
    ...faults.map(({ index, kind, atMs: from, forMs }) => {
      const length = forMs === 0 ? "" : ` for ${secondsOf(forMs)}`;
      return `  fault ${index}: ${kind} at ${secondsOf(from)}${length}`;
    }),
    `  what befell ${violation.about === "" ? "the manager" : violation.about}:`,
    ...timeline.map((line) => `  ${secondsOf(line.atMs).padStart(10)} ${line.about} ${line.what}`),
    `  again: ${replay}`,
  ];
}

const secondsOf = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
