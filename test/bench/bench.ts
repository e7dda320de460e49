import type { Progress } from "../../src/ports/progress.ts";
import type { BenchMachine } from "./machine.ts";
import type { Comparison } from "./turns.ts";

/** One part of `npm run bench`: a line in benches.ts makes it one. */
export interface Bench {
  /** What `--only` calls it. */
  readonly name: string;
  /** Whether real machines are booted for it, so that what they need is installed first. */
  readonly isOnMachines: boolean;
  /** Measures each figure beside its peer or floor. */
  measure(context: BenchContext): Promise<readonly Comparison[]>;
}

export interface BenchContext {
  /** How often to take each figure. ≥ 1. */
  readonly rounds: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** The machine that all parts share: booted at the first call, gone after the last part. */
  machine(): Promise<BenchMachine>;
}
