import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { SAMPLE_FILES } from "../ci/sample.ts";
import type { PipelineReport } from "../ci/report.ts";
import type { Config } from "../config/config.ts";
import { systemClock as clock } from "../daemon/clock.ts";
import { acceleratorOf } from "../daemon/start.ts";
import { SystemError } from "../domain/errors.ts";
import { readHostFacts } from "../host/facts.ts";
import { installMissing } from "../host/install.ts";
import { requirementsFor } from "../host/requirements.ts";
import type { Manager } from "../ports/manager.ts";
import type { Progress } from "../ports/progress.ts";
import { buildPoolImages } from "./buildImages.ts";
import { finishCi, readRequest, runRequest } from "./ciRun.ts";
import type { CommandContext } from "./context.ts";
import { withInterrupts } from "./interrupts.ts";
import type { Interrupts } from "./interrupts.ts";
import { createProgressDisplay } from "./progress/display.ts";
import type { ProgressDisplay } from "./progress/display.ts";
import { withEmbeddedManager } from "./withManager.ts";

/** Machines that are warmed, and so the jobs that run at a time. */
const JOBS_AT_A_TIME = 2;
/** How long two machines may take to become ready: a boot under software emulation on a busy host, twice. */
const WARM_DEADLINE_MS = 15 * 60_000;
/** How often the pool is looked at while it warms up. */
const WARM_POLL_MS = 500;

/** Makes this host ready and runs the sample pipeline on it, with a display of what is being done. */
export async function runQuickstart(context: CommandContext): Promise<void> {
  const display = createProgressDisplay(context.stderr, () => clock.now());
  try {
    const report = await withInterrupts((interrupts) => prepareAndRun(context, display, interrupts));
    display.close();
    await finishCi(report, context);
    if (report.result === "success") sayWhatNext(report, context);
  } finally {
    display.close();
  }
}

async function prepareAndRun(
  context: CommandContext,
  display: ProgressDisplay,
  interrupts: Interrupts,
): Promise<PipelineReport> {
  const { config } = await context.loadConfig();
  const sampleContext = {
    ...context,
    loadConfig: async () => ({ ...(await context.loadConfig()), config: sampleConfig(config) }),
  };
  await prepareHost(config, context, display, interrupts.first);
  const folder = await mkdtemp(join(tmpdir(), "mayfly-quickstart-"));
  try {
    await writeSample(folder);
    const request = await readRequest(join(folder, ".gitlab-ci.yml"), {}, context);
    return await withEmbeddedManager(sampleContext, JOBS_AT_A_TIME, interrupts, async (manager) => {
      await warmPool(manager, display, interrupts.first);
      display.close();
      return runRequest(request, manager, interrupts, context);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The first pool of the config, for two jobs at a time. */
function sampleConfig(config: Config): Config {
  const pools = config.pools.slice(0, 1).map((pool) => ({
    ...pool,
    maxMachines: JOBS_AT_A_TIME,
    idleCount: JOBS_AT_A_TIME,
    maxGrowthRate: JOBS_AT_A_TIME,
  }));
  return { ...config, pools };
}

async function prepareHost(
  config: Config,
  context: CommandContext,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const packages = progress.step("Installing what this host lacks");
  const facts = readHostFacts(context.env);
  await installMissing(facts, requirementsFor(facts), packages, signal).catch(failing(packages));

  const accelerator = progress.step("Trying how machines can run here");
  const name = await acceleratorOf(config.stateDir)(signal).catch(failing(accelerator));
  accelerator.done(name === "tcg" ? "software emulation: no hardware acceleration works here, so all is slow" : name);

  await buildPoolImages({ ...config, pools: config.pools.slice(0, 1) }, context, progress, signal);
}

const failing =
  (step: { fail(text: string): void }) =>
  (error: unknown): never => {
    step.fail("see below");
    throw error;
  };

async function writeSample(folder: string): Promise<void> {
  for (const [name, content] of Object.entries(SAMPLE_FILES)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

async function warmPool(manager: Manager, progress: Progress, signal: AbortSignal): Promise<void> {
  const step = progress.step(`Warming a pool of ${JOBS_AT_A_TIME} machines`);
  const deadlineAt = clock.now() + WARM_DEADLINE_MS;
  for (;;) {
    const [pool] = await manager.pools();
    if (pool === undefined) throw new Error("the manager has no pool");
    if (pool.machines.idle >= JOBS_AT_A_TIME) return step.done(`${pool.machines.idle} ready`);
    step.update(pool.why);
    if (clock.now() > deadlineAt) {
      step.fail(pool.why);
      throw new SystemError(
        "warm-timeout",
        `the pool was not warm within ${WARM_DEADLINE_MS / 60_000} min: ${pool.why}`,
      );
    }
    await clock.sleep(WARM_POLL_MS, signal);
  }
}

function sayWhatNext({ jobs }: PipelineReport, { stderr }: CommandContext): void {
  const machines = new Set(jobs.map((job) => job.machineId)).size;
  stderr.write(
    `\n${jobs.length} jobs ran on ${machines} machines, and nothing of them is left. Next:\n` +
      "  npx mayfly run -- uname -a          one command on a fresh machine\n" +
      "  npx mayfly ci path/to/.gitlab-ci.yml\n" +
      "  npx mayfly daemon                   keeps machines ready\n",
  );
}
