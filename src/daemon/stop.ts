import { durationText } from "../jobs/durations.ts";
import { withDeadline } from "../ports/deadline.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { RunningManager } from "./compose.ts";

/** How often a stopping manager says what it waits for. */
const TELL_MS = 10_000;
/** How many jobs and leases one line names. */
const NAMED = 10;

/** What cuts a drain short. */
export interface DrainOrders {
  /** Nothing is waited for any more. */
  readonly hurry: AbortSignal;
  /** What is left is the next manager's. */
  readonly handOver: AbortSignal;
}

export interface DrainDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long running jobs and held leases are waited for, in milliseconds, ≥ 0. */
  readonly stopTimeoutMs: number;
}

/** How a drain ended: with nothing left, too late, or by an order. */
export type DrainOutcome = "drained" | "late" | "hurried" | "handed-over";

/** Drains a manager within its stop timeout, and says every ten seconds what it still waits for. */
export async function drainManager(
  running: Pick<RunningManager, "drain" | "waitsFor">,
  { clock, logger, stopTimeoutMs }: DrainDeps,
  { hurry, handOver }: DrainOrders,
): Promise<DrainOutcome> {
  const late = (): Error => new Error("the stop timeout is over");
  const until = clock.monotonic() + stopTimeoutMs;
  const orders = AbortSignal.any([hurry, handOver]);
  logger.info({ stopTimeoutMs }, "stopping: takes no more jobs, gives no more leases, ends what waits");
  const outcome = await withDeadline(clock, stopTimeoutMs, late, orders, async (signal): Promise<DrainOutcome> => {
    const drained = new AbortController();
    const telling = tellWaits(running, { clock, logger }, until, AbortSignal.any([signal, drained.signal]));
    await running.drain(signal);
    drained.abort();
    await telling;
    if (hurry.aborted) return "hurried";
    if (handOver.aborted) return "handed-over";
    return signal.aborted ? "late" : "drained";
  });
  await tellOutcome(running, logger, stopTimeoutMs, outcome);
  return outcome;
}

async function tellWaits(
  running: Pick<RunningManager, "waitsFor">,
  { clock, logger }: Pick<DrainDeps, "clock" | "logger">,
  until: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const waitsFor = await running.waitsFor();
    const leftMs = until - clock.monotonic();
    if (waitsFor.length > 0 && !signal.aborted)
      logger.info({ leftMs }, `stopping: waits for ${phraseOf(waitsFor)}; ${durationText(leftMs)} more at the longest`);
    await clock.sleep(TELL_MS, signal).catch(() => undefined);
  }
}

async function tellOutcome(
  running: Pick<RunningManager, "waitsFor">,
  logger: Logger,
  stopTimeoutMs: number,
  outcome: DrainOutcome,
): Promise<void> {
  const rest = phraseOf(await running.waitsFor());
  switch (outcome) {
    case "drained":
      return logger.info({}, "stopping: no job runs and no lease is held, terminates the machines");
    case "handed-over":
      return logger.info({}, `stopping: leaves ${rest} to the next manager`);
    case "hurried":
      return logger.warn({}, `stopping: told to hurry, ends ${rest} by force`);
    case "late":
      return logger.warn({ stopTimeoutMs }, `stopping: stop_timeout is over, cancels ${rest}`);
  }
}

function phraseOf(waitsFor: readonly string[]): string {
  if (waitsFor.length === 0) return "nothing";
  const more = waitsFor.length > NAMED ? `, and ${waitsFor.length - NAMED} more` : "";
  return `${waitsFor.slice(0, NAMED).join(", ")}${more}`;
}
