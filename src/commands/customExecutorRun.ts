import { readFile, rm, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { createApiClient } from "../api/client.ts";
import { createReconnectingManager } from "../api/reconnect.ts";
import { systemClock } from "../daemon/clock.ts";
import { systemRandom } from "../daemon/random.ts";
import { cleanUp } from "../fleet/custom-executor/cleanup.ts";
import { configure } from "../fleet/custom-executor/configure.ts";
import type { StageContext } from "../fleet/custom-executor/context.ts";
import { doesNeedHelper, provideHelper } from "../fleet/custom-executor/helper.ts";
import type { StageOutcome } from "../fleet/custom-executor/outcome.ts";
import { prepare } from "../fleet/custom-executor/prepare.ts";
import { runStage } from "../fleet/custom-executor/run.ts";
import type { CommandContext } from "./context.ts";
import type { PrepareWords } from "./customExecutor.ts";
import { EXIT, reportError } from "./exit.ts";
import { durationFrom } from "./options.ts";
import { writeAll } from "./output.ts";
import { findHelper } from "./runnerHelper.ts";
import { withRunner } from "./runnerSignals.ts";
import type { WithRunner } from "./runnerSignals.ts";
import { reconnectFrom } from "./reconnect.ts";
import { mayflyVersion } from "./version.ts";

/** What the runner takes for a failed build and for a failed system, unless its environment says otherwise. */
const BUILD_FAILURE = 1;
const SYSTEM_FAILURE = 2;
/** How long a cleanup waits for a manager that is away, or goes away under it. */
const CLEANUP_RECONNECT_MS = 30_000;

/** `config_exec`: prints what the runner is to know. Later stages ask the same daemon. */
export async function runConfig(context: CommandContext): Promise<void> {
  await asStage(context, async () => {
    const jobEnv = { MAYFLY_SOCKET: await context.socketPath() };
    await writeAll(context.stdout, `${JSON.stringify(configure(context.env, mayflyVersion(), jobEnv))}\n`);
    return { result: "done" };
  });
}

/** `prepare_exec`. */
export async function runPrepare(
  words: PrepareWords,
  context: CommandContext,
  runner: WithRunner = withRunner,
): Promise<void> {
  await asStage(context, async () => {
    const options = {
      pool: words.pool,
      image: words.image,
      ttlMs: durationFrom("--ttl", words.ttl),
      waitTimeoutMs: durationFrom("--wait", words.wait),
    };
    const responseFile = context.env["JOB_RESPONSE_FILE"];
    const { jobResponseFrom } = await import("../fleet/custom-executor/jobResponse.ts");
    const response = responseFile ? jobResponseFrom(await readFile(responseFile, "utf8")) : undefined;
    return withStage(
      context,
      { reconnectMs: reconnectFrom(words.reconnect), wasThere: false, runner },
      async (stage) => {
        const { job, outcome } = await prepare(options, response, stage);
        if (outcome.result === "done" && doesNeedHelper(response)) {
          await provideHelper(job, await findHelper(words.runnerHelper, context), stage);
        }
        return outcome;
      },
    );
  });
}

/** `run_exec`. */
export async function runRun(
  script: string,
  name: string,
  reconnect: string,
  context: CommandContext,
  runner: WithRunner = withRunner,
): Promise<void> {
  await asStage(context, async () => {
    const bytes = await readFile(resolve(context.cwd, script));
    // The preparation has found a daemon: one that is not there is being restarted.
    return withStage(context, { reconnectMs: reconnectFrom(reconnect), wasThere: true, runner }, (stage) =>
      runStage(bytes, name, stage),
    );
  });
}

/** `cleanup_exec`: whatever happens, the job is not the worse for it. What it cannot give back goes by its time to live. */
export async function runCleanup(context: CommandContext, runner: WithRunner = withRunner): Promise<void> {
  try {
    await withStage(context, { reconnectMs: CLEANUP_RECONNECT_MS, wasThere: true, runner }, cleanUp);
  } catch (error) {
    reportError(error, context.stderr);
    await writeAll(context.stderr, "mayfly: the machine goes by itself once its time to live is over\n");
  }
}

interface StageOptions {
  /** How long a manager that goes away is waited for; 0 for not at all. */
  readonly reconnectMs: number;
  /** Whether one has answered this job before. */
  readonly wasThere: boolean;
  readonly runner: WithRunner;
}

async function withStage<T>(
  context: CommandContext,
  { reconnectMs, wasThere, runner }: StageOptions,
  use: (stage: StageContext) => Promise<T>,
): Promise<T> {
  const { env, stdout, stderr } = context;
  const client = createApiClient(await context.socketPath());
  return runner(systemClock, ({ cancel, orphaned }) => {
    const manager =
      reconnectMs === 0
        ? client
        : createReconnectingManager(client, {
            ...{ timeoutMs: reconnectMs, clock: systemClock, random: systemRandom, wasThere },
            tell: (text) => void stderr.write(`mayfly: ${text}\n`),
            hurry: AbortSignal.any([cancel, orphaned]),
          });
    const say = (bytes: Uint8Array): Promise<void> => writeAll(stdout, bytes);
    const tell = (bytes: Uint8Array): Promise<void> => writeAll(stderr, bytes);
    return use({ env, manager, clock: systemClock, say, tell, cancel, orphaned });
  });
}

/** Turns what became of a stage into the exit code that the runner expects of it. */
async function asStage(context: CommandContext, run: () => Promise<StageOutcome>): Promise<void> {
  const { env, stderr, setExitCode } = context;
  try {
    const outcome = await run();
    if (outcome.result === "done") return;
    await writeAll(stderr, `mayfly: ${outcome.message}\n`).catch(() => undefined);
    await tellExitCode(env["BUILD_EXIT_CODE_FILE"], outcome.exitCode);
    setExitCode(codeFrom(env["BUILD_FAILURE_EXIT_CODE"], BUILD_FAILURE));
  } catch (error) {
    reportError(error, stderr);
    setExitCode(codeFrom(env["SYSTEM_FAILURE_EXIT_CODE"], SYSTEM_FAILURE));
  }
}

/** All stages of a job share the file: what an earlier one wrote there is not the exit code of one that has none. */
async function tellExitCode(file: string | undefined, exitCode: number | undefined): Promise<void> {
  if (!file) return;
  await (exitCode === undefined ? rm(file, { force: true }) : writeFile(file, `${exitCode}\n`));
}

function codeFrom(text: string | undefined, otherwise: number): number {
  const code = Number(text);
  return Number.isInteger(code) && code > EXIT.done && code < 256 ? code : otherwise;
}
