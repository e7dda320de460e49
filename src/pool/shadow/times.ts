import type { Fleet } from "../fleet.ts";
import { bootMsOf } from "../target/boots.ts";

/** What a stop is taken to last until one was measured: EC2 takes a minute. */
const ASSUMED_STOP_MS = 60_000;

/** How long things took in a pool, in milliseconds, oldest first; none of them is empty. */
interface PoolTimes {
  readonly boots: readonly number[];
  readonly starts: readonly number[];
  readonly stops: readonly number[];
}

/** How long boots, starts and stops of a pool took. A start is taken to last as long as a boot until one was measured. */
export function timesOf(fleet: Fleet, poolName: string): PoolTimes {
  const { times, startsMs = [], stopsMs = [] } = fleet.planners.bootsOf(poolName);
  const boots = times.tookMs.length > 0 ? times.tookMs : [bootMsOf(fleet, poolName)];
  return {
    boots,
    starts: startsMs.length > 0 ? startsMs : boots,
    stops: stopsMs.length > 0 ? stopsMs : [ASSUMED_STOP_MS],
  };
}

/** What the start, and the stop, is taken to last that a shadow begins with: as the last one did. In milliseconds. */
export function lastTimes(fleet: Fleet, poolName: string): { readonly startMs: number; readonly stopMs: number } {
  const { starts, stops } = timesOf(fleet, poolName);
  return { startMs: starts.at(-1) ?? 0, stopMs: stops.at(-1) ?? 0 };
}
