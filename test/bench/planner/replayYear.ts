import { sortArrivals } from "../../../src/planning/capacity/arrivals.ts";
import { tryConstant } from "../../../src/planning/capacity/trial.ts";
import { tryInLoop } from "../../../src/commands/plan/loop.ts";
import { createSeededRandom } from "../../../src/simulation/random.ts";

// A process of its own for year.ts: prints what the replay took.

const YEAR_MS = 365 * 86_400_000;
const JOBS = 200_000;

const random = createSeededRandom(7);
const arrivals = sortArrivals(
  Float64Array.from({ length: JOBS }, () => Math.floor(random.fraction() * YEAR_MS)),
  Float64Array.from({ length: JOBS }, () => Math.round(-Math.log(1 - random.fraction()) * 600_000)),
);
const trial = {
  ...{ arrivals, from: 0, to: YEAR_MS, before: new Float64Array(), bootMsOf: () => 90_000, bootMs: 90_000 },
  ...{ waitMs: 1000, share: 0.95, limits: { maxMachines: Infinity, maxGrowthRate: Infinity, idleTimeMs: 1_200_000 } },
};
const before = process.cpuUsage();
const { outcome } = await tryInLoop(
  trial,
  { kind: "static", level: 4 },
  (policy) => policy,
  () => undefined,
  new AbortController().signal,
);
const { user, system } = process.cpuUsage(before);
const exact = tryConstant(trial, 4).outcome;
if (outcome.waitMs.some((wait, n) => wait !== exact.waitMs[n]))
  throw new Error("a wait differs from the closed form's");
const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024);
process.stdout.write(JSON.stringify({ jobs: JOBS, processorMs: Math.round((user + system) / 1000), peakMiB }));
