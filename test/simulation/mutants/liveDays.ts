/** Lives through days with a copy of the source, until one breaks the promise: `node liveDays.ts COPY FROM COUNT PROMISE DAYS`. Says as JSON what broke. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [root = "", from = "", count = "", promise = "", days = ""] = process.argv.slice(2);
const load = (file: string): Promise<unknown> => import(pathToFileURL(join(root, "src/simulation", file)).href);
const { planFaults } = (await load("faults/plan.ts")) as typeof import("../../../src/simulation/faults/plan.ts");
const { runDay } = (await load("run/runDay.ts")) as typeof import("../../../src/simulation/run/runDay.ts");
const { planDay } = (await load("world/day.ts")) as typeof import("../../../src/simulation/world/day.ts");

const kinds = (await load("faults/kinds.ts")) as typeof import("../../../src/simulation/faults/kinds.ts");
const { planEc2Day } = (await load("ec2/day.ts")) as typeof import("../../../src/simulation/ec2/day.ts");

const FAULT_KINDS = days === "simulated" ? kinds.FAULT_KINDS : kinds.EC2_FAULT_KINDS;
const plan = { simulated: planDay, ec2: planEc2Day, "ec2-crowd": planCrowd }[days];
if (plan === undefined) throw new Error(`there are no days "${days}"`);

/** A quarter of a day, with the faults of a whole one. */
const LENGTH_MS = 6 * 3_600_000;
const broken: { readonly seed: number; readonly invariant: string; readonly text: string }[] = [];
for (let seed = Number(from); seed < Number(from) + Number(count); seed += 1) {
  const faults = planFaults(seed, LENGTH_MS, FAULT_KINDS);
  const { violations } = await runDay(plan(seed), { faults, lengthMs: LENGTH_MS });
  broken.push(...violations.map(({ invariant, text }) => ({ seed, invariant, text })));
  if (violations.some(({ invariant }) => invariant === promise)) break;
}
process.stdout.write(JSON.stringify(broken));

/** A day on which pools are wide and every job comes at once. */
function planCrowd(seed: number): ReturnType<typeof planDay> {
  const day = planEc2Day(seed);
  return {
    ...day,
    pools: day.pools.map((pool) => ({ ...pool, maxMachines: 200, maxGrowthRate: 200 })),
    maxMachines: 600,
    jobs: day.jobs.map((job) => ({ ...job, atMs: 600_000 })),
  };
}
