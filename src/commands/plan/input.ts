import { resolve } from "node:path";
import { ConfigError } from "../../domain/errors.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { cutArrivals } from "../../planning/capacity/arrivals.ts";
import type { Arrivals, CutArrivals } from "../../planning/capacity/arrivals.ts";
import type { Progress } from "../../ports/progress.ts";
import { readTrace } from "../../traces/read.ts";
import type { CommandContext } from "../context.ts";
import { durationFrom } from "../options.ts";
import { instantFrom, usage } from "./options.ts";
import type { PlanOptions } from "./options.ts";

/** Jobs to replay, and where they are from. */
export interface PlanInput {
  /** For people: the file's name, or what history it is. */
  readonly source: string;
  readonly arrivals: Arrivals;
  /** Records that were no job with a machine. */
  readonly dropped: number;
  /** Jobs whose duration is not known and was taken to be the default. */
  readonly withoutDuration: number;
  /** Boot times as measured, in milliseconds; empty where the source tells none. */
  readonly bootTimesMs: readonly number[];
}

/** Reads the jobs that the options name. @throws ConfigError that names the file and the line. */
export async function readInput(
  options: PlanOptions,
  poolOf: () => DesiredPool,
  context: CommandContext,
  progress: Progress,
  signal: AbortSignal,
): Promise<PlanInput> {
  if ((options.trace === undefined) === (options.history !== true))
    throw usage("plan", "Expected --trace FILE or --history: what is to be replayed?");
  const step = progress.step(options.trace === undefined ? "Reading the history" : `Reading ${options.trace}`);
  try {
    const input = await (options.trace === undefined
      ? readHistory(poolOf().name, context)
      : readFile(options, options.trace, context, (fraction) => step.update("", fraction), signal));
    step.done(`${input.arrivals.readyAt.length} jobs`);
    return input;
  } catch (error) {
    step.fail("");
    throw error;
  }
}

async function readFile(
  options: PlanOptions,
  file: string,
  context: CommandContext,
  onFraction: (fraction: number) => void,
  signal: AbortSignal,
): Promise<PlanInput> {
  const defaultDurationMs = durationFrom("--duration", options.duration);
  const trace = await readTrace(resolve(context.cwd, file), { defaultDurationMs, onFraction }, signal);
  return { source: file, ...trace, bootTimesMs: [] };
}

async function readHistory(poolName: string, context: CommandContext): Promise<PlanInput> {
  const { readOwnHistory } = await import("./history.ts");
  return readOwnHistory(poolName, context);
}

/** Cuts out what is judged, with what came before it. @throws ConfigError when nothing is left. */
export function cutInput({ arrivals, source }: PlanInput, options: PlanOptions): CutArrivals {
  const { readyAt } = arrivals;
  const [first = 0, last = 0] = [readyAt[0], readyAt.at(-1)];
  const from = instantFrom("--from", options.from) ?? first;
  // The last job is judged, too, and its machine has a moment to come.
  const to = instantFrom("--to", options.to) ?? last + 1;
  const cut = cutArrivals(arrivals, from, to);
  if (cut.arrivals.readyAt.length > 0) return cut;
  const span = `${new Date(first).toISOString()} to ${new Date(last).toISOString()}`;
  throw new ConfigError(
    [{ place: source, message: `Expected a job in the stretch to be judged; jobs are from ${span}` }],
    "usage",
  );
}
