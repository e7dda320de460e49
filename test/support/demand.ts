import type { Arrivals } from "../../src/planning/capacity/arrivals.ts";
import { sortArrivals } from "../../src/planning/capacity/arrivals.ts";
import type { TargetSettings } from "../../src/planning/capacity/target/decide.ts";
import { observeArrival, observeTime } from "../../src/planning/capacity/target/observe.ts";
import type { TargetState } from "../../src/planning/capacity/target/state.ts";
import { createTargetState, HOUR_MS, MINUTE_MS } from "../../src/planning/capacity/target/state.ts";
import { createSeededRandom } from "../../src/simulation/random.ts";

/** Settings of a target that most tests start from: 95 % within a second, at a boot of 90 s. */
export const targetSettings = (overrides: Partial<TargetSettings> = {}): TargetSettings => ({
  share: 0.95,
  waitMs: 1000,
  bootMs: 90_000,
  holdMs: MINUTE_MS,
  caps: [],
  ...overrides,
});

/** Random arrivals over [0, to) at a rate in jobs an hour that may change each minute. Every job runs five minutes. */
export function drawArrivals(seed: number, to: number, perHourAt: (at: number) => number): Arrivals {
  const random = createSeededRandom(seed);
  const skip = (chance: number): number => Math.floor(-Math.log(1 - random.fraction()) / chance);
  const times: number[] = [];
  for (let minute = 0; minute < to; minute += MINUTE_MS) {
    // Each of a thousand slots of the minute holds a job or none: as good as Poisson.
    const chance = perHourAt(minute) / 60 / 1000;
    for (let slot = skip(chance); slot < 1000; slot += 1 + skip(chance)) {
      times.push(minute + (slot / 1000) * MINUTE_MS);
    }
  }
  return sortArrivals(Float64Array.from(times), new Float64Array(times.length).fill(5 * MINUTE_MS));
}

/** A state that has seen those jobs, which begin at 0, up to `now`. */
export function stateAfter(times: readonly number[], now: number, windowMs = 89_000): TargetState {
  const state = createTargetState(0, windowMs);
  for (const at of times.toSorted((a, b) => a - b)) observeArrival(state, at);
  observeTime(state, now);
  return state;
}

/** A weekday's load: quiet nights, eight busy hours, quiet weekends. */
export const officeHours =
  (busyPerHour: number, quietPerHour: number) =>
  (at: number): number => {
    const [hour, day] = [Math.floor(at / HOUR_MS) % 24, Math.floor(at / HOUR_MS / 24) % 7];
    return day < 5 && hour >= 9 && hour < 17 ? busyPerHour : quietPerHour;
  };
