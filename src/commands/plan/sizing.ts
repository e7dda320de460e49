import { formatDuration } from "../../config/units.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { effectOf, peakQuantile, sizePool } from "../../planning/capacity/sizing.ts";
import type { LimitEffect, Sizing } from "../../planning/capacity/sizing.ts";
import type { Trial } from "../../planning/capacity/trial.ts";
import type { Progress } from "../../ports/progress.ts";
import type { CommandContext } from "../context.ts";
import { printJson, writeAll } from "../output.ts";
import { countFrom, usage } from "./options.ts";
import type { PlanOptions } from "./options.ts";

/** A limit by name, with what it does. */
interface NamedLimit extends LimitEffect {
  readonly name: string;
}

/** How many machines the jobs would have taken, and what the limits in force do. */
export interface SizingReport {
  readonly sizing: Sizing;
  readonly limits: readonly NamedLimit[];
}

/** Sizes the pool. @throws ConfigError when a quota is given in processors, and nothing tells how many a machine has */
export function sizeByTrace(
  trial: Trial,
  options: PlanOptions,
  pool: DesiredPool | undefined,
  progress: Progress,
): SizingReport {
  const perMachine = options.quota === undefined ? 1 : vcpusOf(options, pool);
  const step = progress.step("Sizing by the machines that the jobs would have taken");
  const sizing = sizePool(trial);
  const named: [name: string, machines: number][] = [];
  if (trial.limits.maxMachines !== Infinity) named.push(["max_machines", trial.limits.maxMachines]);
  if (options.quota !== undefined) {
    const quota = countFrom("--quota", options.quota, perMachine);
    named.push([`the ${quota}-vCPU quota (${perMachine} a machine)`, Math.floor(quota / perMachine)]);
  }
  const limits = named.map(([name, machines]) => ({ name, ...effectOf(trial, sizing, machines) }));
  step.done();
  return { sizing, limits };
}

function vcpusOf({ vcpus }: PlanOptions, pool: DesiredPool | undefined): number {
  if (vcpus !== undefined) return countFrom("--vcpus", vcpus, 1);
  if (pool?.shape.driver === "qemu") return pool.shape.cpus;
  throw usage("--vcpus", "Expected how many vCPUs a machine has: a quota is counted in them");
}

/** Prints sizes in sentences. */
export async function printSizing(
  { sizing, limits }: SizingReport,
  trial: Trial,
  context: CommandContext,
): Promise<void> {
  const { level, peaks, leastMachines } = sizing;
  const days = peaks.length;
  const weekdays = peaks.filter(({ isWeekday }) => isWeekday).length;
  if (context.isJson) return printJson(context, { ...sizing, days, weekdays, limits });
  const goal = `${Number((trial.share * 100).toFixed(2))} % of jobs within ${formatDuration(trial.waitMs)}`;
  const quantiles = [0.5, 0.9, 0.95, 0.99].map((share) => `${share * 100} % of days ≤ ${peakQuantile(peaks, share)}`);
  const lines = [
    `Machines at once without limits, ${level} of them kept idle for ${goal}, over ${days} days:`,
    `  ${quantiles.join(", ")}, most ${peakQuantile(peaks, 1)}.`,
    `The least max_machines that reaches the goal so: ${leastMachines}.`,
    ...limits.flatMap((limit) => linesOf(limit, trial, days, weekdays, goal)),
  ];
  await writeAll(context.stdout, `${lines.join("\n")}\n`);
}

function linesOf(limit: NamedLimit, trial: Trial, days: number, weekdays: number, goal: string): string[] {
  const { name, machines, daysHit, weekdaysHit, bestShare } = limit;
  const part = (some: number, all: number): string => `${all === 0 ? 0 : Math.round((some / all) * 100)} %`;
  const inMachines = name === "max_machines" ? `${name} ${machines}` : `${name}, ${machines} machines,`;
  return [
    `${inMachines} is hit on ${part(weekdaysHit, weekdays)} of weekdays (${weekdaysHit} of ${weekdays}), ${part(daysHit, days)} of all days.`,
    ...(bestShare >= trial.share
      ? []
      : [
          `  More idle machines cannot help there: were all ${machines} kept ready, ${(bestShare * 100).toFixed(1)} % of jobs would be in time, not ${goal}.`,
        ]),
  ];
}
