import type { EpochMs } from "../../domain/ids.ts";
import type { Arrivals } from "./arrivals.ts";
import { createHeap } from "./heap.ts";
import type { Outcome } from "./outcome.ts";

/** What a policy may look at when it decides: nothing of the future. */
export interface PoolMoment {
  readonly now: EpochMs;
  /** Machines held by jobs. */
  readonly inUse: number;
  /** Jobs that became ready before or at `now`. */
  readonly arrived: number;
  /** Jobs that have got a machine; jobs are served in the order of arrival. */
  readonly served: number;
  /** How long the job of each place waited, of those served; what lies beyond is not known yet. */
  readonly waitMs: Float64Array;
}

/** Answers how many machines a pool should keep ready beside those at work, an integer ≥ 0. */
export type LevelPolicy = (moment: PoolMoment) => number;

/** How a pool is replayed. */
export interface ReplaySettings {
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** Boot time of the n-th machine ordered, in milliseconds. */
  readonly bootMsOf: (order: number) => number;
  /** A surplus machine is retired when it has been idle for longer. */
  readonly idleTimeMs: number;
  /** Machines in any state, ≥ 1; Infinity for no limit. */
  readonly maxMachines: number;
  /** Machines that boot at once, ≥ 1. @default no limit */
  readonly maxGrowthRate?: number | undefined;
  /** The policy is asked at each arrival, each end of a boot or a job, when a surplus machine's time is over, and at least so often. */
  readonly stepMs: number;
}

/**
 * Replays arrivals under a policy that may change its level at any time: the rules of `planPool`, with the first in the
 * queue served first and the longest idle machine given first. At `from` the first level stands ready.
 */
export function replayLevels(arrivals: Arrivals, policy: LevelPolicy, settings: ReplaySettings): Outcome {
  const { readyAt, durationMs } = arrivals;
  const { from, to, bootMsOf, idleTimeMs, maxMachines, maxGrowthRate = Infinity, stepMs } = settings;
  const jobs = readyAt.length;
  const waitMs = new Float64Array(jobs);
  const boots = createHeap<{ at: EpochMs; bootMs: number }>();
  const ends = createHeap<{ at: EpochMs }>();
  /** Idle machines, the longest idle first: since when, and which boot brought them. */
  const idle: { since: EpochMs; bootMs: number }[] = [];
  let idleHead = 0;
  let surplusDueAt = Infinity;
  let [next, served, orders, peakMachines] = [0, 0, 0, 0];
  let [idleMs, bootingMs, busyMs, wastedBootMs] = [0, 0, 0, 0];

  const idleCount = (): number => idle.length - idleHead;
  const order = (now: EpochMs, count: number): void => {
    for (let k = 0; k < count; k++) {
      const bootMs = bootMsOf(orders++);
      boots.push({ at: now + bootMs, bootMs });
      bootingMs += Math.min(bootMs, to - now);
    }
  };
  const takeIdle = (): { since: number; bootMs: number } => {
    const machine = idle[idleHead++] ?? { since: 0, bootMs: 0 };
    if (idleHead > 1024 && idleHead * 2 > idle.length) {
      idle.splice(0, idleHead);
      idleHead = 0;
    }
    return machine;
  };

  const decide = (now: number): void => {
    while (served < next && idleCount() > 0) {
      const { since } = takeIdle();
      idleMs += now - since;
      waitMs[served] = now - (readyAt[served] ?? 0);
      const duration = durationMs[served] ?? 0;
      busyMs += Math.min(duration, to - now);
      ends.push({ at: now + duration });
      served += 1;
    }
    const level = policy({ now, inUse: ends.size(), arrived: next, served, waitMs });
    const supply = idleCount() + boots.size();
    const surplus = supply - (next - served) - level;
    surplusDueAt = Infinity;
    for (let k = 0; k < surplus && idleCount() > 0; k++) {
      const dueAt = (idle[idleHead]?.since ?? now) + idleTimeMs;
      if (now < dueAt) {
        surplusDueAt = dueAt;
        break;
      }
      const { since, bootMs } = takeIdle();
      idleMs += now - since;
      wastedBootMs += bootMs;
    }
    const total = idleCount() + boots.size() + ends.size();
    order(now, Math.min(-surplus, maxMachines - total, maxGrowthRate - boots.size()));
    peakMachines = Math.max(peakMachines, idleCount() + boots.size() + ends.size());
  };

  const first = Math.min(maxMachines, policy({ now: from, inUse: 0, arrived: 0, served, waitMs }));
  for (let k = 0; k < first; k++) idle.push({ since: from, bootMs: 0 });
  let nextStep = from;
  for (;;) {
    const now = Math.min(readyAt[next] ?? Infinity, boots.nextAt(), ends.nextAt(), surplusDueAt, nextStep);
    if (now >= to) break;
    while (ends.nextAt() <= now) ends.pop();
    while (boots.nextAt() <= now) idle.push({ since: now, bootMs: boots.pop()?.bootMs ?? 0 });
    while (next < jobs && (readyAt[next] ?? 0) <= now) next += 1;
    if (now >= nextStep) nextStep = now + stepMs;
    decide(now);
  }
  // Nobody decides any more; who still waits gets what is on its way, and no less than a fresh boot.
  for (let k = served; k < jobs; k++) waitMs[k] = (boots.pop()?.at ?? to + bootMsOf(orders)) - (readyAt[k] ?? 0);
  for (; idleHead < idle.length; idleHead++) idleMs += to - (idle[idleHead]?.since ?? to);
  return { jobs, from, to, waitMs, idleMs, bootingMs, busyMs, wastedBootMs, peakMachines };
}
