import { readyRowFrom } from "./csv.ts";
import { parseInstant, parseSeconds } from "./row.ts";
import type { RowReader } from "./row.ts";

/** Finds the jobs in JSON text that comes in pieces: an array, arrays one after another as a paged API gives them, or one object a line. */
export interface ObjectSplitter {
  /** Answers the objects that end in this piece, with the line that each begins on. */
  readonly push: (piece: string) => { readonly text: string; readonly line: number }[];
  /** Characters of an object that has begun and not ended; 0 without one. */
  readonly heldLength: () => number;
  /** The line that the last object begins on. */
  readonly line: () => number;
}

const INTERESTING = /["{}\n]/g;
const STRING_END = /["\\\n]/g;

/** Creates a splitter at the start of a file. */
export function createObjectSplitter(): ObjectSplitter {
  let [held, line, startLine, depth] = ["", 1, 1, 0];
  let isInString = false;
  // A character that a backslash at the end of the last piece escapes.
  let skip = 0;

  return {
    heldLength: () => held.length,
    line: () => startLine,
    push(piece) {
      const objects: { text: string; line: number }[] = [];
      const text = held + piece;
      let [position, start] = [held.length + skip, depth > 0 ? 0 : -1];
      while (position < text.length) {
        const pattern = isInString ? STRING_END : INTERESTING;
        pattern.lastIndex = position;
        const match = pattern.exec(text);
        if (match === null) {
          position = text.length;
          break;
        }
        position = match.index + 1;
        if (match[0] === "\n") line += 1;
        else if (match[0] === "\\") position += 1;
        else if (match[0] === '"') isInString = !isInString;
        else if (match[0] === "{" && depth++ === 0) [start, startLine] = [match.index, line];
        else if (match[0] === "}" && depth > 0 && --depth === 0) {
          objects.push({ text: text.slice(start, position), line: startLine });
          start = -1;
        }
      }
      skip = Math.max(0, position - text.length);
      held = depth > 0 ? text.slice(start) : "";
      return objects;
    },
  };
}

/** Reads a job as GitLab's jobs API gives it, or `{ready_at, duration}`. Manual, skipped and never started ones are none. */
export const readJobObject: RowReader<string> = (text) => {
  let job: Record<string, unknown>;
  try {
    job = JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    return `Expected JSON: ${(error as Error).message}`;
  }
  const field = (name: string): string => (job[name] === undefined || job[name] === null ? "" : String(job[name]));
  const isDurationKnown = !["", "-1"].includes(field("duration"));
  const durationMs = isDurationKnown ? parseSeconds(field("duration")) : undefined;
  if (isDurationKnown && durationMs === undefined)
    return `Expected duration to be seconds ≥ 0, got "${field("duration").slice(0, 80)}"`;
  if (field("ready_at") !== "") {
    const readyAt = parseInstant(field("ready_at"));
    if (readyAt === undefined) return `Expected ready_at to be an instant, got "${field("ready_at").slice(0, 80)}"`;
    return { readyAt, durationMs, count: 1, withinMs: 0 };
  }
  if (!("started_at" in job)) return "Expected a job with started_at and queued_duration, or with ready_at";
  return field("started_at") === ""
    ? undefined
    : readyRowFrom(field("started_at"), field("queued_duration"), durationMs);
};
