/** Lives through days with a copy of the source, until one breaks the promise: `node liveDays.ts COPY FROM COUNT PROMISE`. Says as JSON what broke. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [root = "", from = "", count = "", promise = ""] = process.argv.slice(2);
const load = (file: string): Promise<unknown> => import(pathToFileURL(join(root, "src/simulation", file)).href);
const { planFaults } = (await load("faults/plan.ts")) as typeof import("../../../src/simulation/faults/plan.ts");
const { runDay } = (await load("run/runDay.ts")) as typeof import("../../../src/simulation/run/runDay.ts");
const { planDay } = (await load("world/day.ts")) as typeof import("../../../src/simulation/world/day.ts");

/** A quarter of a day, with the faults of a whole one. */
const LENGTH_MS = 6 * 3_600_000;
const broken: { readonly seed: number; readonly invariant: string; readonly text: string }[] = [];
for (let seed = Number(from); seed < Number(from) + Number(count); seed += 1) {
  const { violations } = await runDay(planDay(seed), { faults: planFaults(seed, LENGTH_MS), lengthMs: LENGTH_MS });
  broken.push(...violations.map(({ invariant, text }) => ({ seed, invariant, text })));
  if (violations.some(({ invariant }) => invariant === promise)) break;
}
process.stdout.write(JSON.stringify(broken));
