import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { reportError } from "../../../src/commands/exit.ts";
import { withInterrupts } from "../../../src/commands/interrupts.ts";
import { createProgressDisplay } from "../../../src/commands/progress/display.ts";
import { ConfigError } from "../../../src/domain/errors.ts";
import type { Progress } from "../../../src/ports/progress.ts";
import { compareStages, compareStretch } from "./compare.ts";
import type { Comparison, StagedComparison } from "./compare.ts";
import { reportFrom } from "./report.ts";
import { measureSpeed } from "./speed.ts";
import { readStretch } from "./stretch.ts";
import { measureYear } from "./year.ts";

// `npm run bench:planner -- [--traces DIR] [--days N] [--json] [--out FILE]`: what the target policy costs on recorded arrivals,
// beside what others cost that know these arrivals beforehand. A table on stdout, progress on stderr. `--days` cuts the traces short.

const DEFAULT_TRACES = join(import.meta.dirname, "../../../../shared/traces");

try {
  const { traces, days, json, out } = readOptions(process.argv.slice(2));
  const result = await withInterrupts(({ first }) => measure(traces, days, first));
  const text = `${JSON.stringify(result, undefined, 2)}\n`;
  if (out !== undefined) await writeFile(out, text);
  process.stdout.write(json ? text : await reportFrom(result));
} catch (error) {
  process.exitCode = reportError(error, process.stderr);
}

function readOptions(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        traces: { type: "string" },
        days: { type: "string" },
        json: { type: "boolean" },
        out: { type: "string" },
      },
    });
    const days = Number(values.days ?? 366);
    if (!(days >= 1)) throw new Error(`Expected --days to be a number ≥ 1, got "${values.days}"`);
    return { traces: resolve(values.traces ?? DEFAULT_TRACES), days, json: values.json ?? false, out: values.out };
  } catch (error) {
    throw new ConfigError([{ place: "bench:planner", message: (error as Error).message }], "usage");
  }
}

async function measure(traces: string, days: number, signal: AbortSignal) {
  const progress = createProgressDisplay(process.stderr, Date.now);
  try {
    const comparisons: Comparison[] = [];
    let stages: StagedComparison[] = [];
    for (const name of ["nasa", "travis"] as const) {
      const stretch = await readStretch(traces, name, days, signal);
      comparisons.push(...(await step(progress, `Replaying ${name}`, () => compareStretch(stretch, signal))));
      if (name !== "travis") continue;
      stages = await step(progress, "Replaying pipelines of two stages", () => compareStages(stretch, signal));
    }
    const speed = await step(progress, "Measuring speed", async () => measureSpeed());
    const year = await step(progress, "Replaying a year through the manager's loop", () => measureYear(signal));
    return { comparisons, stages, speed, year };
  } finally {
    progress.close();
  }
}

async function step<Result>(progress: Progress, title: string, work: () => Promise<Result>): Promise<Result> {
  const shown = progress.step(title);
  try {
    const result = await work();
    shown.done();
    return result;
  } catch (error) {
    shown.fail("");
    throw error;
  }
}
