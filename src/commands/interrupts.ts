import { EXIT, InterruptedError } from "./exit.ts";

/** Aborted by the first and by the second SIGINT or SIGTERM, with an InterruptedError. */
export interface Interrupts {
  readonly first: AbortSignal;
  readonly second: AbortSignal;
}

/**
 * Hands the first two interrupts of this process to `use` instead of ending the process by them. The third ends it at once:
 * whatever it was waiting for is met again by the next mayfly on the same state directory.
 */
export async function withInterrupts<T>(use: (interrupts: Interrupts) => Promise<T>): Promise<T> {
  const first = new AbortController();
  const second = new AbortController();
  const onSignal = (): void => {
    if (second.signal.aborted) {
      process.stderr.write("mayfly: ended at once; the next mayfly here goes on with what is left\n");
      process.exit(EXIT.interrupted);
    }
    const next = first.signal.aborted ? second : first;
    next.abort(new InterruptedError("interrupted"));
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    return await use({ first: first.signal, second: second.signal });
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}
