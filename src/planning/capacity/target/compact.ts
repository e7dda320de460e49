import { decideFrom } from "./decide.ts";
import type { LevelInputs } from "./decide.ts";
import type { PriceRow } from "./state.ts";

/** Jobs that a window holds at the most, with that chance. */
export interface WindowQuantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Answers what one window from now is expected to hold, what is known to come included. */
export function windowQuantiles({ background, withKnown = background }: LevelInputs): WindowQuantiles {
  const total = withKnown.held.reduce((sum, share) => sum + share, 0);
  const quantile = (chance: number): number => {
    let [sum, jobs] = [withKnown.held[0] ?? 0, 0];
    while (sum < chance * total && jobs < withKnown.held.length - 1) sum += withKnown.held[++jobs] ?? 0;
    return jobs;
  };
  return { p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99) };
}

/** Leaves out what the decision never looks at: machines far beyond what any price pays for. The same decision comes of the rest. */
export function compactInputs(inputs: LevelInputs): LevelInputs {
  const { decision } = decideFrom(inputs);
  const length = Math.max(decision.level, decision.asked) + 2;
  const { background, withKnown } = inputs;
  return {
    ...inputs,
    background: cutRow(background, length),
    withKnown: withKnown === undefined ? undefined : cutRow(withKnown, length),
  };
}

const cutRow = ({ prices, jobRates }: PriceRow, length: number): PriceRow => ({
  ...{ prices: prices.slice(0, length), jobRates: jobRates.slice(0, length) },
  // What windows hold made the prices; it decides nothing any more.
  held: [],
});
