/** How long jobs waited, by share of the jobs. In milliseconds. */
export interface WaitQuantiles {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Waits fall into so many bins, of which only the one that holds the quantile is put in order: sorting all takes ten times as long. */
const BINS = 4096;

/** The waits that at least 50, 95 and 99 % of `jobs` jobs did not pass, exactly, given those above zero. All 0 without jobs. */
export function waitQuantilesOf(positive: Float64Array, jobs: number): WaitQuantiles {
  let maxMs = 0;
  for (const wait of positive) if (wait > maxMs) maxMs = wait;
  const binOf = (wait: number): number => Math.min(BINS - 1, Math.floor((wait / maxMs) * BINS));
  const counts = new Uint32Array(BINS);
  for (const wait of positive) counts[binOf(wait)] = (counts[binOf(wait)] ?? 0) + 1;

  const quantile = (share: number): number => {
    let rank = Math.ceil(share * jobs) - 1 - (jobs - positive.length);
    if (rank < 0) return 0;
    let bin = 0;
    for (; rank >= (counts[bin] ?? 0) && bin < BINS - 1; bin++) rank -= counts[bin] ?? 0;
    return positive.filter((wait) => binOf(wait) === bin).sort()[rank] ?? 0;
  };
  return { p50Ms: quantile(0.5), p95Ms: quantile(0.95), p99Ms: quantile(0.99), maxMs };
}
