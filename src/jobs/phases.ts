import type { EpochMs } from "../domain/ids.ts";
import type { PhasesMs } from "../domain/job.ts";
import type { Clock } from "../ports/clock.ts";

export type PhaseName = keyof PhasesMs;

/** Measures the parts of one job. */
export interface PhaseMeter {
  /** Runs one part and keeps how long it took, also when it fails. @param startedAt for one that began before. @default now */
  measure<T>(name: PhaseName, part: () => Promise<T>, startedAt?: EpochMs): Promise<T>;
  readonly phasesMs: PhasesMs;
}

/** @param onPhase told after each part, in milliseconds. */
export function createPhaseMeter(clock: Clock, onPhase: (name: PhaseName, ms: number) => void): PhaseMeter {
  const phasesMs: { -readonly [Name in PhaseName]?: number } = {};
  return {
    phasesMs,
    async measure(name, part, startedAt = clock.now()) {
      try {
        return await part();
      } finally {
        const ms = Math.max(0, clock.now() - startedAt);
        phasesMs[name] = ms;
        onPhase(name, ms);
      }
    },
  };
}
