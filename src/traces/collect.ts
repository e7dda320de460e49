import { sortArrivals } from "../planning/capacity/arrivals.ts";
import type { Trace } from "./read.ts";
import type { TraceRow } from "./row.ts";

/** Jobs beyond it need a longer look than one process can give: 16 bytes a job, twice while they are sorted. */
const MAX_JOBS = 20_000_000;

/** Gathers the rows of a trace. */
export interface RowCollector {
  /** Takes one row; answers a sentence when there are too many. */
  readonly add: (row: TraceRow | undefined) => string | undefined;
  readonly count: () => number;
  readonly finish: () => Trace;
}

/** Creates an empty collector. */
export function collectRows(defaultDurationMs: number): RowCollector {
  const [readyAt, durations, ends] = [createList(), createList(), createList()];
  let [dropped, seed] = [0, 1];
  // Jobs of a minute lie anywhere in it: the same places on every read, and as bursty as chance makes them.
  const place = (): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };

  return {
    count: () => readyAt.size(),
    add(row) {
      if (row === undefined) dropped += 1;
      if (row === undefined) return undefined;
      if (readyAt.size() + row.count > MAX_JOBS) return `Expected at most ${MAX_JOBS} jobs; cut the file into parts`;
      for (let k = 0; k < row.count; k++) {
        readyAt.push(row.readyAt + place() * row.withinMs);
        durations.push(row.durationMs ?? Number.NaN);
      }
      for (let k = 0; k < (row.endedCount ?? 0); k++) ends.push(row.readyAt + place() * row.withinMs);
      return undefined;
    },
    finish() {
      const sorted = sortArrivals(readyAt.take(), durations.take());
      const durationMs = ends.size() > 0 ? pairEnds(sorted.readyAt, ends.take().sort()) : sorted.durationMs;
      let withoutDuration = 0;
      for (let n = 0; n < durationMs.length; n++) {
        if (!Number.isNaN(durationMs[n])) continue;
        durationMs[n] = defaultDurationMs;
        withoutDuration += 1;
      }
      return { arrivals: { readyAt: sorted.readyAt, durationMs }, dropped, withoutDuration };
    },
  };
}

/** Takes starts and ends that are only counted as first in, first out: single durations are wrong, how many run at any time is right. */
function pairEnds(readyAt: Float64Array, ends: Float64Array): Float64Array {
  let next = 0;
  return readyAt.map((at) => {
    while (next < ends.length && (ends[next] ?? 0) < at) next += 1;
    return next < ends.length ? (ends[next++] ?? 0) - at : Number.NaN;
  });
}

/** A list of numbers that grows without boxing them. */
function createList(): { push: (value: number) => void; size: () => number; take: () => Float64Array } {
  let items = new Float64Array(1024);
  let size = 0;
  return {
    push(value) {
      if (size === items.length) {
        const wider = new Float64Array(size * 2);
        wider.set(items);
        items = wider;
      }
      items[size++] = value;
    },
    size: () => size,
    take: () => items.subarray(0, size),
  };
}
