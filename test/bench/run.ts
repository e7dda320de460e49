import { writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { reportError } from "../../src/commands/exit.ts";
import { withInterrupts } from "../../src/commands/interrupts.ts";
import { createProgressDisplay } from "../../src/commands/progress/display.ts";
import { ConfigError } from "../../src/domain/errors.ts";
import { readHostFacts } from "../../src/host/facts.ts";
import { installMissing } from "../../src/host/install.ts";
import { requirementsFor } from "../../src/host/requirements.ts";
import type { Progress } from "../../src/ports/progress.ts";
import { compareApiCalls } from "./apiCalls.ts";
import { compareColdStart } from "./coldStart.ts";
import { compareConnections } from "./connections.ts";
import { readBenchFacts } from "./facts.ts";
import { bootMachine } from "./machine.ts";
import { compareMemory } from "./managerMemory.ts";
import { reportFrom, resultFrom } from "./report.ts";
import type { BenchResult } from "./report.ts";
import { compareThinClient } from "./thinClient.ts";

// `npm run bench -- [--rounds N] [--json] [--out FILE]`: ratios with their spread, both sides in one run, on stdout; progress on stderr.

const [loadAtStart = 0] = loadavg();
try {
  const { rounds, json, out } = readOptions(process.argv.slice(2));
  const result = await withInterrupts(({ first }) => measure(rounds, first));
  const text = `${JSON.stringify(result, undefined, 2)}\n`;
  if (out !== undefined) await writeFile(out, text);
  process.stdout.write(json ? text : await reportFrom(result));
} catch (error) {
  process.exitCode = reportError(error, process.stderr);
}

interface Options {
  readonly rounds: number;
  readonly json: boolean;
  readonly out: string | undefined;
}

function readOptions(args: string[]): Options {
  const { values } = parse(args);
  const rounds = Number(values.rounds ?? 20);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw usage("--rounds", `Expected an integer ≥ 1, got "${values.rounds}"`);
  }
  return { rounds, json: values.json ?? false, out: values.out };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: { rounds: { type: "string" }, json: { type: "boolean" }, out: { type: "string" } },
    });
  } catch (error) {
    throw usage("bench", (error as Error).message);
  }
}

function usage(place: string, message: string): ConfigError {
  return new ConfigError([{ place, message }], "usage");
}

/** Memory first, while nothing else runs; then the machine, which is gone when this settles, interrupted or not. */
async function measure(rounds: number, signal: AbortSignal): Promise<BenchResult> {
  const progress = createProgressDisplay(process.stderr, Date.now);
  try {
    await installPackages(progress, signal);
    const memory = await compareMemory(progress, signal);
    const calls = await compareApiCalls(progress, signal);
    const thinClient = await compareThinClient(rounds, progress, signal);
    const coldStart = await compareColdStart(rounds, progress, signal);
    await using machine = await bootMachine(progress, signal);
    const connections = await compareConnections(machine, rounds, progress, signal);
    return resultFrom(await readBenchFacts(machine.accelerator, loadAtStart), [
      ...connections,
      calls,
      ...thinClient,
      coldStart,
      ...memory,
    ]);
  } finally {
    progress.close();
  }
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
