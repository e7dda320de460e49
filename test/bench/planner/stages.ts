import { cutArrivals, sortArrivals } from "../../../src/planning/capacity/arrivals.ts";
import type { ExpectedJobs } from "../../../src/planning/capacity/target/known.ts";
import type { Announcements } from "../../../src/planning/capacity/target/policy.ts";
import { DAY_MS } from "../../../src/planning/capacity/target/state.ts";
import { createSeededRandom } from "../../../src/simulation/random.ts";
import type { Stretch } from "./stretch.ts";

/** Pipelines have 4.5 jobs in the mean, geometrically spread: with that, arrivals are as bursty as the facts measured. */
const MEAN_JOBS = 4.5;
const MEDIAN_STAGE_MS = 300_000;
/** As much of what came before is made into pipelines, too. */
const HISTORY_MS = 182 * DAY_MS;
/** Instants that stand for the spread of a first stage's length. */
const QUANTILES = 40;

/** Arrivals of two stages, and what is known beforehand of the second. */
export interface StagedLoad {
  readonly stretch: Stretch;
  /** The first jobs alone that came before the stretch: what whoever knows the others had to learn from. */
  readonly firstBefore: Float64Array;
  /** Tells it to one replay, from its beginning. */
  readonly announced: () => Announcements;
}

/**
 * Makes pipelines of two stages from recorded arrivals: each is a first job, and when that ends the pipeline's others become
 * ready at once. How long the first runs is known only as a distribution: lognormal, median 300 s, spread `sigma`.
 */
export function stagesFrom(stretch: Stretch, sigma: number): StagedLoad {
  const random = createSeededRandom(6);
  const { from, to } = stretch;
  const firstBefore = stretch.before.filter((at) => at >= from - HISTORY_MS);
  const starts = Float64Array.from([...firstBefore, ...stretch.arrivals.readyAt]);
  const quantiles = Array.from({ length: QUANTILES }, (_, k) => lengthAt(normalAt((k + 0.5) / QUANTILES), sigma));
  const groups = Array.from(starts, (at) => {
    const count = Math.floor(Math.log(1 - random.fraction()) / Math.log(1 - 1 / MEAN_JOBS));
    return { at, count, readyAt: at + lengthAt(normalFrom(random.fraction(), random.fraction()), sigma) };
  }).filter(({ count }) => count > 0);
  const later = groups
    .flatMap(({ at, count, readyAt }) => Array.from({ length: count }, () => ({ at, readyAt })))
    .filter(({ readyAt }) => readyAt < to);
  const times = Float64Array.from([...starts, ...later.map(({ readyAt }) => readyAt)]);
  const order = Uint32Array.from(times.keys()).sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b);
  const durations = new Float64Array(times.length).fill(MEDIAN_STAGE_MS);
  const arrivals = sortArrivals(
    Float64Array.from(order, (index) => times[index] ?? 0),
    durations,
  );

  const staged = cutArrivals(arrivals, from, to);
  const announcedAt = (job: number): number | undefined =>
    later[(order[staged.before.length + job] ?? 0) - starts.length]?.at;
  return {
    stretch: { ...staged, name: stretch.name },
    firstBefore,
    announced: () => ({ announcedAt, expectedAt: expect(groups, quantiles) }),
  };
}

interface Group {
  readonly at: number;
  readonly count: number;
  readonly readyAt: number;
}

function expect(groups: readonly Group[], quantiles: readonly number[]): Announcements["expectedAt"] {
  let next = 0;
  let running: { readyAt: number; expected: ExpectedJobs }[] = [];
  return (now) => {
    for (let group = groups[next]; group !== undefined && group.at <= now; group = groups[++next]) {
      const { at, count, readyAt } = group;
      running.push({ readyAt, expected: { count, chance: 1, readyAt: quantiles.map((length) => at + length) } });
    }
    running = running.filter(({ readyAt }) => readyAt > now);
    return running.map(({ expected }) => expected);
  };
}

const lengthAt = (normal: number, sigma: number): number => MEDIAN_STAGE_MS * Math.exp(sigma * normal);

/** One draw of the standard normal law from two of the uniform one: Box and Muller's way. */
const normalFrom = (one: number, other: number): number =>
  Math.sqrt(-2 * Math.log(1 - one)) * Math.cos(2 * Math.PI * other);

/** The standard normal law's quantile, by halving: exact enough for forty instants. */
function normalAt(share: number): number {
  let [low, high] = [-6, 6];
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2;
    if (normalShare(middle) < share) low = middle;
    else high = middle;
  }
  return low;
}

/** Source: Abramowitz and Stegun, 26.2.17; off by less than 1e-7. */
function normalShare(x: number): number {
  if (x < 0) return 1 - normalShare(-x);
  const t = 1 / (1 + 0.231_641_9 * x);
  const terms = [0.319_381_53, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
  const sum = terms.reduceRight((rest, term) => t * (term + rest), 0);
  return 1 - (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * sum;
}
