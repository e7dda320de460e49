import { hourlySchedules, hourOracle, scaleFactorPolicy } from "../../../src/planning/capacity/baselines.ts";
import { levelPoints, machineReadyTimes } from "../../../src/planning/capacity/baseStock.ts";
import { attainedBy, frontierOf } from "../../../src/planning/capacity/frontier.ts";
import type { Attained } from "../../../src/planning/capacity/frontier.ts";
import type { Outcome } from "../../../src/planning/capacity/outcome.ts";
import type { LevelPolicy } from "../../../src/planning/capacity/replay.ts";
import { replayLevels } from "../../../src/planning/capacity/replay.ts";
import { observeArrival } from "../../../src/planning/capacity/target/observe.ts";
import type { Announcements } from "../../../src/planning/capacity/target/policy.ts";
import { targetPolicy } from "../../../src/planning/capacity/target/policy.ts";
import { createTargetState, DAY_MS, MINUTE_MS } from "../../../src/planning/capacity/target/state.ts";
import type { Stretch } from "./stretch.ts";

/** As the facts measured: a boot of 90 s, a job served in time when it waited at most a second, a surplus kept for 10 min. */
export const BOOT_MS = 90_000;
export const WAIT_MS = 1000;
const IDLE_TIME_MS = 10 * MINUTE_MS;
const WEEK_MS = 7 * DAY_MS;

/** What the target policy attained, and how far each week was from what was promised. */
export interface TargetRow extends Attained {
  readonly promised: number;
  readonly weeks: number;
  readonly weeksWithinAPoint: number;
  readonly worstWeekOff: number;
}

/** Replays one policy on a stretch. */
function replay({ arrivals, from, to }: Stretch, policy: LevelPolicy): Outcome {
  return replayLevels(arrivals, policy, {
    from,
    to,
    bootMsOf: () => BOOT_MS,
    idleTimeMs: IDLE_TIME_MS,
    maxMachines: Number.POSITIVE_INFINITY,
    stepMs: MINUTE_MS,
  });
}

/** Runs the target policy: it has seen what came before the stretch, and of the stretch what has come at each moment. */
export function runTarget(stretch: Stretch, promised: number, announced?: Announcements): TargetRow {
  const { before, arrivals, from } = stretch;
  const state = createTargetState(before[0] ?? from, BOOT_MS - WAIT_MS);
  for (const at of before) observeArrival(state, at);
  const settings = { share: promised, waitMs: WAIT_MS, bootMs: BOOT_MS, holdMs: MINUTE_MS, caps: [] };
  const outcome = replay(stretch, targetPolicy(state, settings, arrivals.readyAt, announced));
  const off = weeksOf(stretch, outcome.waitMs).map((share) => Math.abs(share - promised));
  return {
    promised,
    ...attainedBy(outcome, WAIT_MS),
    weeks: off.length,
    weeksWithinAPoint: off.filter((each) => each <= 0.01).length,
    worstWeekOff: Math.max(0, ...off),
  };
}

/** Constant levels, all by closed form: the best one in hindsight is on their frontier. */
export function staticFrontier({ arrivals, from, to }: Stretch, maxLevel: number): Attained[] {
  const { readyAt } = arrivals;
  const machineReadyAt = machineReadyTimes(readyAt, () => BOOT_MS);
  const points = levelPoints({ readyAt, machineReadyAt, from, to }, maxLevel, WAIT_MS);
  return frontierOf(points.map(({ share, idleMs }) => ({ share, idleMinutes: idleMs / MINUTE_MS / readyAt.length })));
}

/** Each of GitLab's settings worth trying, the best of them chosen in hindsight. */
export function* scaleFactors(stretch: Stretch): Generator<Attained> {
  for (const idleCountMin of [1, 2, 3, 4, 5, 6]) {
    for (const factor of [0.02, 0.1, 0.25, 0.5, 1]) {
      yield attainedBy(replay(stretch, scaleFactorPolicy(factor, idleCountMin)), WAIT_MS);
    }
  }
}

/** The best schedules by hour of the week, in hindsight. */
export function* schedules(stretch: Stretch): Generator<Attained> {
  const scheduleAt = hourlySchedules({ ...stretch, readyAt: stretch.arrivals.readyAt, windowMs: BOOT_MS - WAIT_MS });
  for (const price of [8, 16, 32, 64, 128, 256, 512]) yield attainedBy(replay(stretch, scheduleAt(price)), WAIT_MS);
}

/** Who knows the true rate of every hour. */
export function* oracles(stretch: Stretch): Generator<Attained> {
  const oracleAt = hourOracle({ ...stretch, readyAt: stretch.arrivals.readyAt, windowMs: BOOT_MS - WAIT_MS });
  for (const share of [0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999]) {
    yield attainedBy(replay(stretch, oracleAt(share)), WAIT_MS);
  }
}

/** The attained share of each whole week that had jobs enough to speak of a point. */
function weeksOf({ arrivals, from, to }: Stretch, waitMs: Float64Array): number[] {
  const shares: number[] = [];
  let n = 0;
  for (let end = from + WEEK_MS; end <= to; end += WEEK_MS) {
    let [jobs, within] = [0, 0];
    for (; (arrivals.readyAt[n] ?? Infinity) < end; n++) {
      jobs += 1;
      if ((waitMs[n] ?? 0) <= WAIT_MS) within += 1;
    }
    if (jobs >= 100) shares.push(within / jobs);
  }
  return shares;
}
