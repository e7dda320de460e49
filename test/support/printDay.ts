import { planFaults } from "../../src/simulation/faults/plan.ts";
import { runDay } from "../../src/simulation/run/runDay.ts";
import { DAY_MS, planDay } from "../../src/simulation/world/day.ts";

// A process that lives through the day of the seed in argv[2], and prints what proves two runs of it equal.

const seed = Number(process.argv[2]);
const { hash, portCalls } = await runDay(planDay(seed), { faults: planFaults(seed, DAY_MS) });
console.log(JSON.stringify({ hash, portCalls }));
