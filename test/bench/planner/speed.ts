import { levelPoints, machineReadyTimes } from "../../../src/planning/capacity/baseStock.ts";
import { decideLevel } from "../../../src/planning/capacity/target/decide.ts";
import { observeArrival, observeTime } from "../../../src/planning/capacity/target/observe.ts";
import { createTargetState, DAY_MS, HOUR_MS, MINUTE_MS } from "../../../src/planning/capacity/target/state.ts";
import { createSeededRandom } from "../../../src/simulation/random.ts";
import { BOOT_MS, WAIT_MS } from "./rows.ts";

/** What thinking costs, in processor milliseconds of this host. */
export interface Speed {
  /** 400,000 arrivals at 40 levels, by closed form. Goal: 2000. */
  readonly closedFormMs: number;
  /** One pass over 100 pools that are told of their jobs, each a minute after the last. Goal: 50. */
  readonly passMedianMs: number;
  readonly passWorstMs: number;
}

/** Measures both, on one core. */
export function measureSpeed(): Speed {
  return { closedFormMs: closedForm(), ...passes() };
}

function closedForm(): number {
  const random = createSeededRandom(1);
  let at = 0;
  const readyAt = Float64Array.from({ length: 400_000 }, () => (at -= Math.log(1 - random.fraction()) * 10_000));
  return processorMs(() => {
    const machineReadyAt = machineReadyTimes(readyAt, () => BOOT_MS);
    levelPoints({ readyAt, machineReadyAt, from: 0, to: at }, 39, WAIT_MS);
  });
}

/** Pools of 1 to 100 jobs an hour that are two days old; then two hours of passes, a minute apart. */
function passes(): Omit<Speed, "closedFormMs"> {
  const random = createSeededRandom(2);
  const pools = Array.from({ length: 100 }, (_, n) => {
    // Pools are not all as old to the minute.
    return { state: createTargetState(n * MINUTE_MS, BOOT_MS - WAIT_MS), perMinute: (n + 1) / 60 };
  });
  const settings = { share: 0.95, waitMs: WAIT_MS, bootMs: BOOT_MS, holdMs: MINUTE_MS, caps: [] };
  const pass = (now: number): void => {
    for (const { state, perMinute } of pools) {
      for (let chance = perMinute; chance > 0; chance--) {
        if (random.fraction() < chance) observeArrival(state, now - random.fraction());
      }
      observeTime(state, now);
      decideLevel(state, settings, [], now);
    }
  };
  const old = 2 * DAY_MS;
  for (let now = 100 * MINUTE_MS; now < old; now += MINUTE_MS) pass(now);
  const took = Array.from({ length: (2 * HOUR_MS) / MINUTE_MS }, (_, n) =>
    processorMs(() => pass(old + n * MINUTE_MS)),
  );
  took.sort((a, b) => a - b);
  return { passMedianMs: took[took.length >> 1] ?? 0, passWorstMs: took.at(-1) ?? 0 };
}

/** Processor time, not wall time: the host may have other work. */
function processorMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
