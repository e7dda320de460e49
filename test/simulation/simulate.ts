import { parseArgs } from "node:util";
import { planFaults } from "../../src/simulation/faults/plan.ts";
import { runDay } from "../../src/simulation/run/runDay.ts";
import type { DayResult } from "../../src/simulation/run/runDay.ts";
import { shrinkFaults } from "../../src/simulation/run/shrink.ts";
import { DAY_MS, planDay } from "../../src/simulation/world/day.ts";

// `npm run simulate -- --seeds N [--from SEED]`: one simulated day a seed, with all faults on; stops at no broken promise, and
// exits with 1 when there was one.

const USAGE = "usage: npm run simulate -- [--seeds N] [--from SEED] [--calm] [--json]";
const HOUR_MS = 3_600_000;
const SHRINK_RUNS = 60;
const TIMELINE_LINES = 60;

const { seeds, from, isCalm, isJson } = readArguments();
const totals = { days: 0, jobs: 0, jobsServed: 0, machines: 0, machineHours: 0, kills: 0, portCalls: 0, broken: 0 };
const faultsByKind = new Map<string, number>();
const startedAt = performance.now();
let isInterrupted = false;
process.once("SIGINT", () => {
  isInterrupted = true;
});

for (let seed = from; seed < from + seeds && !isInterrupted; seed += 1) {
  const result = await runDay(planDay(seed), { faults: faultsOf(seed) });
  add(result);
  if (result.violations.length > 0) await tellBroken(seed);
  if (totals.days % 100 === 0) console.error(`${totals.days} of ${seeds} days, ${totals.broken} broken`);
  // The event loop must turn for Ctrl-C to be heard: a simulated day is one long chain of it.
  await new Promise((resolve) => setImmediate(resolve));
}
tellTotals();
process.exitCode = isInterrupted ? 130 : totals.broken > 0 ? 1 : 0;

function faultsOf(seed: number): ReturnType<typeof planFaults> {
  return isCalm ? [] : planFaults(seed, DAY_MS);
}

function add({ jobs, jobsServed, machines, machineMs, processes, portCalls, violations, faults }: DayResult): void {
  totals.days += 1;
  totals.jobs += jobs;
  totals.jobsServed += jobsServed;
  totals.machines += machines;
  totals.machineHours += machineMs / HOUR_MS;
  totals.kills += processes - 1;
  totals.portCalls += portCalls;
  totals.broken += violations.length > 0 ? 1 : 0;
  for (const [kind, count] of faults) faultsByKind.set(kind, (faultsByKind.get(kind) ?? 0) + count);
}

/** Says what broke, the shortest list of faults found that breaks it, what happened to the machine, and how to see it again. */
async function tellBroken(seed: number): Promise<void> {
  const day = planDay(seed);
  const first = (await runDay(day, { faults: faultsOf(seed) })).violations[0];
  if (first === undefined) throw new Error(`seed ${seed} broke a promise once and keeps it now: it is not repeatable`);
  const breaks = async (some: ReturnType<typeof faultsOf>): Promise<boolean> =>
    (await runDay(day, { faults: some })).violations[0]?.invariant === first.invariant;
  const faults = await shrinkFaults(faultsOf(seed), breaks, SHRINK_RUNS);
  const again = await runDay(day, { faults, keepsJournal: true });
  const broken = again.violations[0] ?? first;
  console.log(`seed ${seed} breaks ${broken.invariant} ${secondsOf(broken.atMs)} into the day: ${broken.text}`);
  for (const { kind, atMs, forMs } of faults)
    console.log(`  fault ${kind} at ${secondsOf(atMs)} for ${secondsOf(forMs)}`);
  const about = again.lines.filter((line) => line.about === broken.about);
  for (const { atMs, what } of about.slice(-TIMELINE_LINES))
    console.log(`  ${secondsOf(atMs)} ${broken.about} ${what}`);
  console.log(`  again: npm run simulate -- --from ${seed} --seeds 1${isCalm ? " --calm" : ""}`);
}

function tellTotals(): void {
  const seconds = (performance.now() - startedAt) / 1000;
  const perSecond = totals.days / seconds;
  if (isJson) {
    console.log(JSON.stringify({ ...totals, faults: Object.fromEntries(faultsByKind), seconds }));
    return;
  }
  console.log(
    `${totals.days} days, ${totals.machineHours.toFixed(0)} machine-hours, ${totals.machines} machines, ` +
      `${totals.jobs} jobs (${totals.jobsServed} served), ${totals.kills} ends of the manager, ${totals.portCalls} port calls`,
  );
  for (const [kind, count] of [...faultsByKind].toSorted(([, a], [, b]) => b - a)) console.log(`  ${kind}: ${count}`);
  console.log(`${totals.broken} days with a broken promise; ${perSecond.toFixed(1)} days a second`);
}

function secondsOf(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function readArguments(): { seeds: number; from: number; isCalm: boolean; isJson: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        seeds: { type: "string", default: "100" },
        from: { type: "string", default: "1" },
        calm: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
    });
    const [count, first] = [Number(values.seeds), Number(values.from)];
    if (!Number.isInteger(count) || count < 1 || !Number.isInteger(first) || first < 0) throw new Error(USAGE);
    return { seeds: count, from: first, isCalm: values.calm, isJson: values.json };
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    console.error(USAGE);
    process.exit(2);
  }
}
