import type { VirtualClock } from "../clock.ts";
import { drawFor } from "../draw.ts";
import type { Draw } from "../draw.ts";
import type { Fault, FaultKind } from "./kinds.ts";

/** The faults of a day as they come and go. */
export interface ActiveFaults {
  /** Asks, for one call, whether a fault of this kind strikes it. */
  strikes(kind: FaultKind): Strike | undefined;
  /** Whether any of these kinds may strike now. */
  isAny(kinds: readonly FaultKind[]): boolean;
  /** Ends all that is under way and all that would come. */
  stop(): void;
  /** How often each kind has struck. */
  readonly counts: ReadonlyMap<FaultKind, number>;
  /** Counts a fault that struck elsewhere. */
  count(kind: FaultKind): void;
}

/** A fault that strikes, and draws of its own for what it leaves open. */
export interface Strike {
  readonly fault: Fault;
  readonly draw: Draw;
}

/** How long a fault waits for what it is to strike, and how often it looks. */
const PATIENCE_MS = 1_800_000;
const LOOK_MS = 10_000;

/**
 * Creates the faults of a day.
 * @param strikeOnce is told, at their instants, of those that strike once; false puts one off, until what it is meant for is there.
 */
export function createActiveFaults(
  clock: VirtualClock,
  seed: number,
  plan: readonly Fault[],
  strikeOnce: (strike: Strike) => boolean,
): ActiveFaults {
  const active = new Map<FaultKind, Set<Strike>>();
  const counts = new Map<FaultKind, number>();
  let isStopped = false;

  const begin = (fault: Fault): void => {
    if (isStopped) return;
    const strike = { fault, draw: drawFor(seed, `fault ${fault.index}`) };
    if (fault.forMs === 0) {
      const isPatient = clock.monotonic() < fault.atMs + PATIENCE_MS;
      if (!strikeOnce(strike) && isPatient) clock.schedule(LOOK_MS, () => begin(fault));
      return;
    }
    const set = active.get(fault.kind) ?? new Set();
    active.set(fault.kind, set.add(strike));
    clock.schedule(fault.forMs, () => set.delete(strike));
  };
  const count = (kind: FaultKind): void => void counts.set(kind, (counts.get(kind) ?? 0) + 1);
  for (const fault of plan) clock.schedule(fault.atMs, () => begin(fault));

  return {
    counts,
    count,
    isAny: (kinds) => kinds.some((kind) => (active.get(kind)?.size ?? 0) > 0),
    strikes(kind) {
      const strikes = active.get(kind);
      if (strikes === undefined || strikes.size === 0) return undefined;
      for (const strike of strikes) {
        if (!strike.draw.chance(strike.fault.rate)) continue;
        count(kind);
        return strike;
      }
      return undefined;
    },
    stop() {
      isStopped = true;
      active.clear();
    },
  };
}
