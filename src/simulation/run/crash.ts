import { drawFor } from "../draw.ts";
import type { World } from "../world/world.ts";
import { CRASH_SCENARIO } from "./crashDay.ts";
import type { CrashScenario } from "./crashDay.ts";
import { STOPPED_SCENARIO } from "./crashStopped.ts";
import { runDay } from "./runDay.ts";
import type { DayResult } from "./runDay.ts";

/** One run of the scripted scenario. */
export interface CrashRun {
  /** The port calls at which the manager was killed, counted from 1. */
  readonly killAtCalls: readonly number[];
  readonly result: DayResult;
}

export interface CrashOptions {
  /** The scenario in which machines are stopped and started, in the place of the other one. @default false */
  readonly hasStopped?: boolean | undefined;
  /** Kills at every pair of port calls as well: the second may hit the next manager while it takes over. @default false */
  readonly hasPairs?: boolean | undefined;
  /** With it, so many pairs drawn by `seed`, instead of all. ≥ 1. */
  readonly limit?: number | undefined;
  /** @default 1 */
  readonly seed?: number | undefined;
  /** Only every `of`-th first call, from `index` (0 to `of` - 1) on. @default all */
  readonly shard?: { readonly index: number; readonly of: number } | undefined;
  readonly portsOf?: World["portsOf"] | undefined;
  /** Another one than these. */
  readonly scenario?: CrashScenario | undefined;
}

/** Runs the scripted scenario once, with these kills. */
export async function runCrash(
  killAtCalls: readonly number[],
  options: Pick<CrashOptions, "hasStopped" | "portsOf" | "scenario"> & { readonly keepsJournal?: boolean } = {},
): Promise<CrashRun> {
  const { hasStopped = false, scenario = hasStopped ? STOPPED_SCENARIO : CRASH_SCENARIO, ...others } = options;
  const { day, faults, lengthMs } = scenario;
  const result = await runDay(day, { ...others, faults, lengthMs, killAtCalls });
  return { killAtCalls, result };
}

/**
 * Runs the scripted scenario without a kill first, then with one at every port call in turn, before its effect and after it, and
 * with pairs if they are asked for. A new manager starts a second after each kill.
 */
export async function* crashEverywhere(options: CrashOptions): AsyncGenerator<CrashRun> {
  const { hasPairs = false, limit, shard = { index: 0, of: 1 } } = options;
  const calm = await runCrash([], portsIn(options));
  yield calm;
  if (hasPairs && limit !== undefined) {
    yield* crashAtSome(calm.result.portCallsOfDay, limit, options);
    return;
  }
  for (let first = 1 + shard.index; first <= calm.result.portCallsOfDay; first += shard.of) {
    const single = await runCrash([first], portsIn(options));
    yield single;
    // Up to its first kill every run is the same as this one, so its second kill can be at any later call of it.
    for (let second = first + 1; hasPairs && second <= single.result.portCallsOfDay; second++)
      yield await runCrash([first, second], portsIn(options));
  }
}

async function* crashAtSome(calls: number, limit: number, options: CrashOptions): AsyncGenerator<CrashRun> {
  const { seed = 1 } = options;
  const draw = drawFor(seed, "pairs");
  const callsAfter = new Map<number, number>();
  for (let count = 0; count < limit; ) {
    const first = draw.between(1, calls);
    const fraction = draw.fraction();
    if (!callsAfter.has(first)) {
      const single = await runCrash([first], portsIn(options));
      callsAfter.set(first, single.result.portCallsOfDay);
      yield single;
    }
    const last = callsAfter.get(first) ?? 0;
    if (last <= first) continue;
    count += 1;
    yield await runCrash([first, first + 1 + Math.floor(fraction * (last - first))], portsIn(options));
  }
}

const portsIn = (options: CrashOptions): Pick<CrashOptions, "hasStopped" | "portsOf" | "scenario"> => {
  const { hasStopped, portsOf, scenario } = options;
  return { hasStopped, portsOf, scenario };
};
