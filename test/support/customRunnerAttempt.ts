import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { awaitCall, judgeExit } from "./customRunnerCall.ts";
import type { FailureCodes, KillTimeouts, StageCall, StartStage } from "./customRunnerCall.ts";
import { environmentOf, projectDirOf, responseFile, responseOf, variablesOf } from "./customRunnerJob.ts";
import type { AttemptFacts, CoordinatorJob } from "./customRunnerJob.ts";
import { gitlabScript } from "./gitlabScript.ts";

export interface AttemptOptions extends KillTimeouts {
  readonly start: StartStage;
  /** The runner's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** In place of what `config` answers, which the runner takes even over its own: where this host has no such folder. */
  readonly buildsDir?: string;
  /** Others than the runner's own prove that nobody gets by with those. @default 1 and 2 */
  readonly codes?: FailureCodes;
  /** Told of each call as it is started: who wants to break something does it from here. */
  readonly onCall?: (verb: string, stage: string | undefined, call: StageCall) => void;
}

/** Takes what a job's calls say, and how they ended. */
export interface JobRecord {
  say(bytes: Buffer, isScripts: boolean): void;
  called(call: string): void;
}

/** One executor of the runner's: each try of a preparation has its own, with a folder, an exit-code file and a job_env of its own. */
export interface Attempt {
  prepare(signal: AbortSignal): Promise<void>;
  /** Runs one script; nothing when it has no commands. A status is that of all later stages too. @throws JobFailure, or the signal's reason when it has aborted already. */
  run(stage: string, commands: readonly string[] | undefined, signal: AbortSignal, status?: string): Promise<void>;
  /** Is not cancelled, and fails for nobody. */
  cleanUp(): Promise<void>;
}

const RUNNER_CODES: FailureCodes = { buildFailure: 1, systemFailure: 2 };
const NEVER = new AbortController().signal;

/** Makes the executor of one attempt. Source: gitlab-runner executors/custom/custom.go */
export async function createAttempt(job: CoordinatorJob, options: AttemptOptions, record: JobRecord): Promise<Attempt> {
  const { start, env, codes = RUNNER_CODES, onCall } = options;
  const folder = await mkdtemp(join(tmpdir(), "mayfly-runner-"));
  let facts: AttemptFacts = { folder, buildsDir: options.buildsDir ?? "/builds", jobEnv: {}, status: "running" };
  await writeFile(responseFile(folder), JSON.stringify(responseOf(job)), { mode: 0o600 });

  const call = async (verb: string, words: readonly string[], signal: AbortSignal): Promise<string> => {
    let said = "";
    const running = start({
      ...{ verb, args: words, cwd: folder, env: environmentOf(job, env, codes, facts) },
      onStderr: (bytes) => record.say(bytes, false),
      onStdout: (bytes) => {
        said += bytes.toString();
        // What a config_exec says is for the runner, a cleanup_exec for its debug log.
        if (verb === "prepare" || verb === "run") record.say(bytes, verb === "run");
      },
    });
    onCall?.(verb, words[1], running);
    const { exitCode } = await awaitCall(running, signal, options);
    record.called(`${[verb, words[1]].filter(Boolean).join(" ")}: ${exitCode}`);
    await judgeExit(exitCode, folder, codes);
    return said;
  };

  return {
    async prepare(signal) {
      const told = JSON.parse((await call("config", [], signal)) || "{}") as {
        readonly builds_dir?: string;
        readonly job_env?: Record<string, string>;
      };
      const buildsDir = options.buildsDir ?? told.builds_dir ?? facts.buildsDir;
      facts = { ...facts, buildsDir, jobEnv: told.job_env ?? {} };
      await call("prepare", [], signal);
    },
    async run(stage, commands, signal, status) {
      facts = { ...facts, status: status ?? facts.status };
      signal.throwIfAborted();
      if (commands === undefined) return;
      const file = join(await mkdtemp(join(folder, "script")), "script");
      const projectDir = projectDirOf(job, facts.buildsDir);
      const script = gitlabScript({ variables: variablesOf(job, facts), folder: projectDir, commands });
      await writeFile(file, script, { mode: 0o700 });
      await call("run", [file, stage], signal);
    },
    async cleanUp() {
      await call("cleanup", [], NEVER).catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
