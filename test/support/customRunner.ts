import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CLI } from "./cli.ts";
import { gitlabScript } from "./gitlabScript.ts";

/** How one call of the executor ended; a signal ends it without a code. */
export interface StageExit {
  readonly exitCode: number | null;
}

/** A running call of the executor. */
export interface StageCall {
  readonly exited: Promise<StageExit>;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

/** One call that is to be made. */
export interface StageInvocation {
  /** `config`, `prepare`, `run` or `cleanup`. */
  readonly verb: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly onStdout: (bytes: Buffer) => void;
  readonly onStderr: (bytes: Buffer) => void;
}

export type StartStage = (invocation: StageInvocation) => StageCall;

/** What a coordinator gave the runner. */
export interface CoordinatorJob {
  readonly id: number;
  readonly variables?: Readonly<Record<string, string>>;
  /** The user's commands; the other scripts follow from them. */
  readonly script: readonly string[];
  readonly afterScript?: readonly string[];
  /** Commands of the runner's own stages, by their names, e.g. `get_sources`. */
  readonly stages?: Readonly<Record<string, readonly string[]>>;
  /** Written to JOB_RESPONSE_FILE. @default no such file */
  readonly response?: object;
  /** GET_SOURCES_ATTEMPTS and its like. @default 1 */
  readonly attempts?: number;
}

export interface CustomRunnerOptions {
  readonly start: StartStage;
  /** The runner's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** @default what `config` answers */
  readonly buildsDir?: string;
  /** Between two tries of the preparation. @default 3,000, as the runner has it */
  readonly retryPauseMs?: number;
  readonly gracefulKillMs?: number;
  readonly forceKillMs?: number;
  /** Told of each call as it is started: who wants to break something does it from here. */
  readonly onCall?: (verb: string, stage: string | undefined, call: StageCall) => void;
  readonly onOutput?: (text: string) => void;
}

/** What the runner would tell the coordinator. */
export interface CoordinatorResult {
  readonly state: "success" | "failed";
  readonly reason?: "script_failure" | "runner_system_failure" | "job_canceled";
  readonly exitCode?: number;
  /** All that the job's log has. */
  readonly log: string;
  /** The scripts' part of it. */
  readonly stdout: string;
  /** Each call, with its stage where it has one, and its exit code. */
  readonly calls: readonly string[];
}

const PREPARE_TRIES = 3;
const BUILD_FAILURE = 64;
const SYSTEM_FAILURE = 65;

class StageFailure extends Error {
  readonly isSystem: boolean;
  readonly exitCode: number | undefined;
  constructor(isSystem: boolean, exitCode?: number) {
    super("a stage failed");
    this.isSystem = isSystem;
    this.exitCode = exitCode;
  }
}

/**
 * Does with one job what GitLab's runner does through its custom executor: stages in order, retries, exit codes, the two
 * kill timeouts. Its exit codes are others than the defaults, so that nobody can get by with those.
 */
export async function runCustomJob(
  job: CoordinatorJob,
  options: CustomRunnerOptions,
  cancel: AbortSignal = new AbortController().signal,
): Promise<CoordinatorResult> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-runner-"));
  const calls: string[] = [];
  let log = "";
  let stdout = "";
  let jobEnv: Record<string, string> = {};
  let buildsDir = options.buildsDir ?? "/builds";
  const take = (bytes: Buffer): void => {
    log += bytes.toString();
    options.onOutput?.(log);
  };

  const environment = (): Record<string, string> => {
    const projectDir = `${buildsDir}/group/project-${job.id}`;
    const variables: Record<string, string> = {
      CI: "true",
      CI_JOB_ID: `${job.id}`,
      CI_JOB_TIMEOUT: "600",
      CI_RUNNER_ID: "7",
      CI_SERVER_HOST: "gitlab.example.com",
      CI_PROJECT_DIR: projectDir,
      CI_JOB_SERVICES: "",
      ...job.variables,
    };
    return {
      ...options.env,
      TMPDIR: folder,
      BUILD_FAILURE_EXIT_CODE: `${BUILD_FAILURE}`,
      SYSTEM_FAILURE_EXIT_CODE: `${SYSTEM_FAILURE}`,
      BUILD_EXIT_CODE_FILE: join(folder, "build_exit_code"),
      ...(job.response === undefined ? {} : { JOB_RESPONSE_FILE: join(folder, "response.json") }),
      ...jobEnv,
      ...Object.fromEntries(Object.entries(variables).map(([name, value]) => [`CUSTOM_ENV_${name}`, value])),
    };
  };

  const call = async (verb: string, args: readonly string[], canCancel: boolean): Promise<string> => {
    let said = "";
    const running = options.start({
      ...{ verb, args, env: environment(), cwd: folder, onStderr: take },
      onStdout: (bytes) => {
        said += bytes.toString();
        if (verb === "run") {
          stdout += bytes.toString();
          take(bytes);
        }
      },
    });
    options.onCall?.(verb, args[1], running);
    const onCancel = (): void => void killGracefully(running, options);
    if (canCancel && cancel.aborted) onCancel();
    if (canCancel) cancel.addEventListener("abort", onCancel, { once: true });
    const { exitCode } = await running.exited;
    cancel.removeEventListener("abort", onCancel);
    calls.push(`${[verb, args[1]].filter(Boolean).join(" ")}: ${exitCode}`);
    if (exitCode === 0) return said;
    if (exitCode !== BUILD_FAILURE) throw new StageFailure(true);
    const written = await readFile(join(folder, "build_exit_code"), "utf8").catch(() => undefined);
    throw new StageFailure(false, written === undefined ? 1 : Number.parseInt(written, 10));
  };

  const prepare = async (): Promise<void> => {
    for (let tries = 1; ; tries += 1) {
      try {
        const told = JSON.parse((await call("config", [], true)) || "{}") as {
          readonly builds_dir?: string;
          readonly job_env?: Record<string, string>;
        };
        buildsDir = options.buildsDir ?? told.builds_dir ?? buildsDir;
        jobEnv = told.job_env ?? {};
        await call("prepare", [], true);
        return;
      } catch (error) {
        await call("cleanup", [], false).catch(() => undefined);
        if (!(error instanceof StageFailure && error.isSystem) || tries === PREPARE_TRIES || cancel.aborted)
          throw error;
        await sleep(options.retryPauseMs ?? 3_000);
      }
    }
  };

  const run = async (stage: string, commands: readonly string[] | undefined, attempts = 1): Promise<void> => {
    if (commands === undefined) return;
    const file = join(folder, `script.${stage}.sh`);
    const projectDir = `${buildsDir}/group/project-${job.id}`;
    const variables = { CI_JOB_ID: `${job.id}`, CI_PROJECT_DIR: projectDir, ...job.variables };
    await writeFile(file, gitlabScript({ variables, folder: projectDir, commands }), { mode: 0o700 });
    for (let tries = 1; ; tries += 1) {
      try {
        await call("run", [file, stage], true);
        return;
      } catch (error) {
        if (tries === attempts || cancel.aborted) throw error;
      }
    }
  };

  const stages = async (): Promise<void> => {
    const own = job.stages ?? {};
    const attempts = job.attempts ?? 1;
    await run("prepare_script", own["prepare_script"] ?? ["echo Running on $(hostname)"]);
    await run("get_sources", own["get_sources"], attempts);
    await run("restore_cache", own["restore_cache"], attempts);
    await run("download_artifacts", own["download_artifacts"], attempts);
    let failure: unknown;
    try {
      await run("build_script", job.script);
    } catch (error) {
      failure = error;
    }
    await run("after_script", job.afterScript).catch(() => undefined);
    const when = failure === undefined ? "" : "_on_failure";
    await run(`archive_cache${when}`, own[`archive_cache${when}`]);
    const artifacts = failure === undefined ? "upload_artifacts_on_success" : "upload_artifacts_on_failure";
    await run(artifacts, own[artifacts]);
    await run("cleanup_file_variables", own["cleanup_file_variables"]);
    if (failure !== undefined) throw failure;
  };

  try {
    if (job.response !== undefined) {
      await writeFile(join(folder, "response.json"), JSON.stringify(job.response), { mode: 0o600 });
    }
    await prepare();
    try {
      await stages();
    } finally {
      await call("cleanup", [], false).catch(() => undefined);
    }
    return { state: "success", log, stdout, calls };
  } catch (error) {
    if (!(error instanceof StageFailure)) throw error;
    if (cancel.aborted) return { state: "failed", reason: "job_canceled", log, stdout, calls };
    if (error.isSystem) return { state: "failed", reason: "runner_system_failure", log, stdout, calls };
    return { state: "failed", reason: "script_failure", exitCode: error.exitCode ?? 1, log, stdout, calls };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** SIGTERM to the group, then SIGKILL. The runner waits no longer than the second timeout for it. */
async function killGracefully(call: StageCall, { gracefulKillMs = 600_000 }: CustomRunnerOptions): Promise<void> {
  call.kill("SIGTERM");
  const waiting = new AbortController();
  const late = sleep(gracefulKillMs, "late", { signal: waiting.signal }).catch(() => "ended");
  const first = await Promise.race([late, call.exited.then(() => "ended")]);
  waiting.abort();
  if (first === "late") call.kill("SIGKILL");
}

/** Starts stages as the runner does: `mayfly` as a process of its own, in a group of its own. */
export function startInChild(args: Readonly<Record<string, readonly string[]>> = {}): StartStage {
  return ({ verb, args: words, env, cwd, onStdout, onStderr }) => {
    const own = [CLI, "custom-executor", verb, ...(args[verb] ?? []), ...words];
    const child: ChildProcess = spawn(process.execPath, own, {
      ...{ cwd, env: { PATH: process.env["PATH"], ...env } },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    child.stdout?.on("data", onStdout);
    child.stderr?.on("data", onStderr);
    const exited = new Promise<StageExit>((resolve) => child.on("close", (exitCode) => resolve({ exitCode })));
    const { pid } = child;
    return {
      exited,
      kill(signal) {
        if (pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-pid, signal);
      },
    };
  };
}
