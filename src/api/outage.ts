import { formatDuration } from "../config/units.ts";
import { SystemError, TransientError } from "../domain/errors.ts";
import { orAborted, within } from "../jobs/waits.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";

/** First pause before the manager is looked for again; each further one is twice as long, up to MAX_PAUSE_MS. */
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 2_000;
/** How long a manager that was found may take to answer. */
const PROBE_TIMEOUT_MS = 5_000;
/** A manager that goes away again within this was not back: the time that it is waited for does not begin anew. */
const STEADY_MS = 10_000;

/** How a manager that went away is waited for. */
export interface OutageOptions {
  /** For how long, in milliseconds, > 0. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether a manager is known to have been there, so that it is waited for before its first answer, too. @default false */
  readonly wasThere?: boolean | undefined;
  /** Told once in each absence, and when it is over. */
  readonly tell: (text: string) => void;
  /** Somebody would rather end than wait; whoever waits says that it still does. */
  readonly interrupt?: AbortSignal | undefined;
  /** Nothing is waited for any more. */
  readonly hurry?: AbortSignal | undefined;
}

/** The absence of a manager, shared by all that have a question to it. */
export interface Outage {
  /**
   * Waits until a manager answers again.
   * @param error what the question failed with.
   * @throws SystemError `manager-away` when none does in time, or at `hurry`; the signal's reason when it aborts.
   */
  over(error: unknown, signal?: AbortSignal): Promise<void>;
}

/** Tells whether a question found nobody at the socket. */
export const isAbsent = (error: unknown): boolean => error instanceof SystemError && error.code === "no-daemon";

/** Tells whether a question failed because the manager went away: it may be asked again. */
export const isUnanswered = (error: unknown): boolean =>
  isAbsent(error) || (error instanceof TransientError && error.code === "connection-lost");

/** Tells whether a manager that went away was waited for in vain. */
export const isManagerAway = (error: unknown): error is SystemError =>
  error instanceof SystemError && error.code === "manager-away";

/** @param probe asks for a sign of life. */
export function createOutage(probe: () => Promise<unknown>, options: OutageOptions): Outage {
  const { timeoutMs, clock, random, tell, interrupt = never, hurry = never } = options;
  let since = 0;
  let backAt: number | undefined;
  let pauses = 0;
  let isTold = false;
  let isBackTold = false;
  let waiting: Promise<void> | undefined;

  const begin = (): void => {
    const now = clock.monotonic();
    if (backAt !== undefined && now - backAt < STEADY_MS) return;
    since = now;
    pauses = 0;
    isTold = false;
    isBackTold = false;
  };
  const tellAway = (): void => {
    if (isTold) return;
    isTold = true;
    const how = interrupt.aborted ? `; ${HOW_TO_LEAVE}` : "";
    tell(`the manager is away, waiting for it for up to ${formatDuration(timeoutMs)}${how}`);
  };
  const answers = async (): Promise<boolean> => {
    try {
      return (await within(clock, PROBE_TIMEOUT_MS, probe())) !== undefined;
    } catch (error) {
      // Whoever answers is there, whatever it says.
      return !isUnanswered(error);
    }
  };
  const pause = async (): Promise<void> => {
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** pauses, MAX_PAUSE_MS) * (0.5 + random.fraction() / 2);
    pauses += 1;
    const leftMs = since + timeoutMs - clock.monotonic();
    await clock.sleep(Math.min(pauseMs, Math.max(0, leftMs)), hurry).catch(() => undefined);
  };

  const waitForManager = async (error: unknown): Promise<void> => {
    begin();
    const onInterrupt = (): void => {
      if (isTold) tell(`the manager is still away; ${HOW_TO_LEAVE}`);
    };
    interrupt.addEventListener("abort", onInterrupt, { once: true });
    try {
      for (let isFound = backAt !== undefined; ; ) {
        if (hurry.aborted) throw new SystemError("manager-away", "the manager is away", { cause: error });
        if (clock.monotonic() - since >= timeoutMs) throw isFound ? error : inVain(timeoutMs, error);
        await pause();
        isFound = await answers();
        if (isFound) break;
        tellAway();
      }
      backAt = clock.monotonic();
      if (isTold && !isBackTold) tell("the manager is back");
      isBackTold = isTold;
    } finally {
      interrupt.removeEventListener("abort", onInterrupt);
    }
  };

  return {
    over(error, signal = never) {
      waiting ??= waitForManager(error).finally(() => {
        waiting = undefined;
      });
      return orAborted(waiting, signal);
    },
  };
}

const never = new AbortController().signal;
const HOW_TO_LEAVE = "interrupt again to leave without it";

const inVain = (timeoutMs: number, cause: unknown): SystemError =>
  new SystemError("manager-away", `the manager did not come back within ${formatDuration(timeoutMs)}`, { cause });
