import { writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { reportError } from "../../src/commands/exit.ts";
import { withInterrupts } from "../../src/commands/interrupts.ts";
import { createProgressDisplay } from "../../src/commands/progress/display.ts";
import { readHostFacts } from "../../src/host/facts.ts";
import { installMissing } from "../../src/host/install.ts";
import { requirementsFor } from "../../src/host/requirements.ts";
import type { Progress } from "../../src/ports/progress.ts";
import { buildTestImage } from "../support/integrationSetup.ts";
import type { Bench } from "./bench.ts";
import { BENCHES } from "./benches.ts";
import { readBenchFacts } from "./facts.ts";
import { entryFrom, readHistory, writeHistory } from "./history.ts";
import { bootMachine } from "./machine.ts";
import type { BenchMachine } from "./machine.ts";
import { readBenchOptions } from "./options.ts";
import { pictureFrom } from "./picture.ts";
import { reportFrom } from "./report.ts";
import type { BenchResult } from "./report.ts";
import type { Comparison } from "./turns.ts";

// `npm run bench -- [--only NAME,…] [--rounds N] [--json] [--out FILE] [--picture FILE] [--record]`: ratios with their spread, both
// sides in one run, beside the last recorded run of a comparable host, on stdout; progress on stderr.

const HISTORY = fileURLToPath(new URL("results/history.jsonl", import.meta.url));
const PICTURE = fileURLToPath(new URL("results/latest.svg", import.meta.url));

const [loadAtStart = 0] = loadavg();
try {
  const { rounds, benches, isJson, out, picture, isRecorded } = readBenchOptions(process.argv.slice(2), BENCHES);
  const history = await readHistory(HISTORY);
  const result = await withInterrupts(({ first }) => measure(benches, rounds, first));
  const text = `${JSON.stringify(result, undefined, 2)}\n`;
  if (out !== undefined) await writeFile(out, text);
  if (picture !== undefined) await writeFile(picture, pictureFrom(result, history));
  if (isRecorded) {
    await writeHistory(HISTORY, [...history, entryFrom(result, Date.now())]);
    await writeFile(PICTURE, pictureFrom(result, history));
  }
  process.stdout.write(isJson ? text : await reportFrom(result, history));
} catch (error) {
  process.exitCode = reportError(error, process.stderr);
}

/** Runs one part after the other; their machine is gone when this settles, interrupted or not. */
async function measure(benches: readonly Bench[], rounds: number, signal: AbortSignal): Promise<BenchResult> {
  const progress = createProgressDisplay(process.stderr, Date.now);
  let booting: Promise<BenchMachine> | undefined;
  const machine = (): Promise<BenchMachine> => (booting ??= bootMachine(progress, signal));
  try {
    const isOnMachines = benches.some((bench) => bench.isOnMachines);
    if (isOnMachines) await installPackages(progress, signal);
    const comparisons: Comparison[] = [];
    for (const bench of benches) comparisons.push(...(await bench.measure({ rounds, progress, signal, machine })));
    const accelerator = isOnMachines ? await findAccelerator(progress, signal) : undefined;
    return { facts: await readBenchFacts(accelerator, loadAtStart), comparisons };
  } finally {
    // One that did not come has been told of where it was awaited.
    await booting?.then(
      (booted) => booted[Symbol.asyncDispose](),
      () => undefined,
    );
    progress.close();
  }
}

async function findAccelerator(progress: Progress, signal: AbortSignal): Promise<string> {
  const { chooseAccelerator } = await buildTestImage(progress, signal);
  return chooseAccelerator(signal);
}

async function installPackages(progress: Progress, signal: AbortSignal): Promise<void> {
  const step = progress.step("Installing what real machines need");
  try {
    const facts = readHostFacts(process.env);
    await installMissing(facts, requirementsFor(facts), step, signal);
    step.done();
  } catch (error) {
    step.fail("");
    throw error;
  }
}
