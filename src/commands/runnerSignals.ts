import type { Clock } from "../ports/clock.ts";
import { InterruptedError } from "./exit.ts";

/** How often it is looked whether the runner is still there. */
const LOOK_MS = 1_000;

/** What a runner does to a stage. */
export interface RunnerSignals {
  /** It wants the stage to end: SIGTERM, and SIGINT from a keyboard. */
  readonly cancel: AbortSignal;
  /** It has ended without a word: this process has another parent. */
  readonly orphaned: AbortSignal;
}

/** Hands the signals of a runner to `use`. */
export type WithRunner = <T>(clock: Clock, use: (signals: RunnerSignals) => Promise<T>) => Promise<T>;

/** Uses the signals of the runner that started this process, which ends by none of them meanwhile. */
export const withRunner: WithRunner = async (clock, use) => {
  const cancel = new AbortController();
  const orphaned = new AbortController();
  const done = new AbortController();
  const onSignal = (): void => cancel.abort(new InterruptedError("the runner ended the stage"));
  const runner = process.ppid;
  const watch = async (): Promise<void> => {
    while (process.ppid === runner) await clock.sleep(LOOK_MS, done.signal);
    orphaned.abort(new InterruptedError("the runner is gone"));
  };
  watch().catch(() => undefined);
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  try {
    return await use({ cancel: cancel.signal, orphaned: orphaned.signal });
  } finally {
    done.abort();
    process.off("SIGTERM", onSignal).off("SIGINT", onSignal);
  }
};
