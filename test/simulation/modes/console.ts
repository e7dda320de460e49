/** What a mode of `simulate` needs of the process that runs it. */
export interface SimulateConsole {
  /** A line of the result. */
  print(line: string): void;
  /** A line that tells how far it is. */
  progress(line: string): void;
  /** Milliseconds since any fixed instant. */
  now(): number;
  /** Somebody pressed Ctrl-C: the summary so far is wanted. */
  isInterrupted(): boolean;
  /** The revision that runs; undefined outside a git checkout. */
  readonly commit: string | undefined;
}

/** Pause between two lines that tell how far it is. */
const PROGRESS_MS = 5_000;

/** Tells how far it is every few seconds; answers what to call after each run. */
export function createProgress({ progress, now }: SimulateConsole, lineFrom: (seconds: number) => string): () => void {
  const startedAt = now();
  let toldAt = startedAt;
  return () => {
    if (now() - toldAt < PROGRESS_MS) return;
    toldAt = now();
    progress(lineFrom((toldAt - startedAt) / 1_000));
  };
}

/** Lets the process hear of Ctrl-C: a simulated day may leave it no other chance. */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
