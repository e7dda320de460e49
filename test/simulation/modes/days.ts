import type { Fault } from "../../../src/simulation/faults/kinds.ts";
import { runDay } from "../../../src/simulation/run/runDay.ts";
import type { DayOptions, DayResult } from "../../../src/simulation/run/runDay.ts";
import { shrinkFaults } from "../../../src/simulation/run/shrink.ts";
import { linesOf, timelineOf } from "./broken.ts";
import type { Broken } from "./broken.ts";
import { breathe, createProgress } from "./console.ts";
import type { SimulateConsole } from "./console.ts";
import type { DaysOptions } from "./options.ts";
import { optionOf, planDayWith } from "./providers.ts";
import { addRun, createTally, jsonOf, tableOf } from "./tally.ts";
import type { Tally } from "./tally.ts";

/** How long a shorter list of faults is looked for, in milliseconds. */
const SHRINK_MS = 180_000;

/** One simulated day a seed. Answers the exit code: 1 when a promise was broken, 130 after Ctrl-C. */
export async function simulateDays(
  options: DaysOptions,
  host: SimulateConsole,
  portsOf?: DayOptions["portsOf"],
): Promise<number> {
  const { seeds, from, isJson } = options;
  const tally = createTally();
  const broken: Broken[] = [];
  const startedAt = host.now();
  const tell = createProgress(host, (seconds) => {
    const leftS = ((seeds - tally.runs) * seconds) / tally.runs;
    const speed = `${(tally.runs / seconds).toFixed(1)} a second, ${Math.round(leftS)} s left`;
    return `${tally.runs} of ${seeds} days, ${broken.length} broken, ${speed}`;
  });

  host.progress(`simulating ${seeds} days from seed ${from} on, at commit ${host.commit ?? "unknown"}`);
  for (let seed = from; seed < from + seeds && !host.isInterrupted(); seed += 1) {
    const { day, lengthMs } = planDayWith(options.provider, seed);
    const result = await runDay(day, { faults: faultsOf(seed, options), lengthMs, portsOf });
    addRun(tally, result);
    if (result.violations.length > 0) {
      const found = await explain(seed, options, host, portsOf);
      broken.push(found);
      if (!isJson) for (const line of linesOf(found)) host.print(line);
    }
    tell();
    await breathe();
  }

  const seconds = (host.now() - startedAt) / 1_000;
  for (const line of isJson ? [jsonLine(tally, broken, seconds, host)] : summaryOf(tally, broken, seconds))
    host.print(line);
  return host.isInterrupted() ? 130 : broken.length > 0 ? 1 : 0;
}

function faultsOf(seed: number, { faults, provider }: DaysOptions): readonly Fault[] {
  const { faults: all } = planDayWith(provider, seed);
  const unknown = faults?.find((index) => index >= all.length);
  if (unknown !== undefined) throw new Error(`day ${seed} has faults 0 to ${all.length - 1}, not ${unknown}`);
  return faults === undefined ? all : all.filter(({ index }) => faults.includes(index));
}

/** Finds the shortest list of faults that still breaks the same promise, and lives through that day once more, writing it down. */
async function explain(
  seed: number,
  options: DaysOptions,
  host: SimulateConsole,
  portsOf: DayOptions["portsOf"],
): Promise<Broken> {
  const { day, lengthMs } = planDayWith(options.provider, seed);
  const run = (faults: readonly Fault[], keepsJournal = false): Promise<DayResult> =>
    runDay(day, { faults, keepsJournal, lengthMs, portsOf });
  const all = faultsOf(seed, options);
  const [first] = (await run(all)).violations;
  if (first === undefined) throw new Error(`seed ${seed} broke a promise once and keeps it now: it is not repeatable`);
  const until = host.now() + SHRINK_MS;
  const breaks = async (some: readonly Fault[]): Promise<boolean> => {
    const { violations } = await run(some);
    await breathe();
    return violations[0]?.invariant === first.invariant;
  };
  host.progress(`seed ${seed} breaks ${first.invariant}; looking for the fewest of its ${all.length} faults that do`);
  const { kept, isMinimal } = await shrinkFaults(all, breaks, () => host.now() > until || host.isInterrupted());
  const again = await run(kept, true);
  const indexes = kept.length === 0 ? "none" : kept.map(({ index }) => index).join(",");
  return {
    ...{ commit: host.commit, seed, killedAt: [], violation: again.violations[0] ?? first, faults: kept, isMinimal },
    timeline: timelineOf(again),
    replay: `npm run simulate -- --seed ${seed} --faults ${indexes}${optionOf(options.provider)}`,
  };
}

function summaryOf(tally: Tally, broken: readonly Broken[], seconds: number): string[] {
  const { runs, machineHours, machines, jobs, jobsServed, kills, portCalls, faults } = tally;
  return [
    `${runs} days, ${machineHours.toFixed(0)} machine-hours, ${machines} machines, ${jobs} jobs (${jobsServed} served), ` +
      `${kills} kills of the manager, ${portCalls} port calls`,
    "faults by kind, each time that one struck:",
    ...tableOf(faults),
    `${broken.length} days with a broken promise; ${(runs / seconds).toFixed(1)} days a second, ${seconds.toFixed(0)} s in all`,
    ...(broken.length === 0 ? [] : [`broken: ${broken.map(({ seed }) => seed).join(", ")}`]),
  ];
}

const jsonLine = (tally: Tally, broken: readonly Broken[], seconds: number, { commit }: SimulateConsole): string =>
  JSON.stringify({
    ...{ mode: "days", commit, days: tally.runs, ...jsonOf(tally) },
    ...{ seconds, daysPerSecond: tally.runs / seconds, broken },
  });
