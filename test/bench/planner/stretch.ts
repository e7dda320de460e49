import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../../../src/domain/errors.ts";
import type { EpochMs } from "../../../src/domain/ids.ts";
import { cutArrivals } from "../../../src/planning/capacity/arrivals.ts";
import type { Arrivals } from "../../../src/planning/capacity/arrivals.ts";
import { DAY_MS } from "../../../src/planning/capacity/target/state.ts";
import { readTrace } from "../../../src/traces/read.ts";

/** A stretch of recorded arrivals to be judged on, and what came before it. */
export interface Stretch {
  readonly name: string;
  /** Epoch milliseconds, oldest first. */
  readonly before: Float64Array;
  readonly arrivals: Arrivals;
  readonly from: EpochMs;
  readonly to: EpochMs;
}

const TRACES = {
  travis: { file: "travistorrent-2011-2014-minutes.csv.gz", from: () => Date.UTC(2014, 0, 1) },
  // Four weeks are what the hours of a week are learnt from at the least.
  nasa: { file: "nasa-ipsc860-1993.csv.gz", from: (first: EpochMs) => first + 28 * DAY_MS },
} as const;

/** For jobs of which a trace gives no duration, in milliseconds. */
const DEFAULT_DURATION_MS = 300_000;

/** Reads a recorded stretch; `days` cuts it short. @throws ConfigError when the folder of traces is not there. */
export async function readStretch(
  folder: string,
  name: keyof typeof TRACES,
  days: number,
  signal: AbortSignal,
): Promise<Stretch> {
  const trace = TRACES[name];
  const file = join(folder, trace.file);
  if (!existsSync(file)) {
    const message = `Expected ${trace.file}, which this repository does not hold; name the folder of traces with --traces`;
    throw new ConfigError([{ place: folder, message }], "traces-missing");
  }
  const options = { defaultDurationMs: DEFAULT_DURATION_MS, onFraction: () => undefined };
  const { arrivals } = await readTrace(file, options, signal);
  const from = trace.from(arrivals.readyAt[0] ?? 0);
  const to = Math.min((arrivals.readyAt.at(-1) ?? 0) + 1, from + days * DAY_MS);
  return { name, ...cutArrivals(arrivals, from, to) };
}
