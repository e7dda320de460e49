import { SystemError } from "../../domain/errors.ts";
import type { StageContext } from "./context.ts";
import { followStage } from "./followStage.ts";
import { heldJob } from "./held.ts";
import { outcomeFrom } from "./outcome.ts";
import type { StageOutcome } from "./outcome.ts";
import type { RunnerJob } from "./runnerJob.ts";
import { runnerJobFrom } from "./runnerJob.ts";

/** How often a stage is asked for whose script had not begun when the manager was restarted. */
const MAX_STARTS = 5;
/** The user's own scripts. All else is the runner's: it needs git and the runner's helper, which the machine has. */
const IN_THE_JOB = /^(build_script|after_script|step_.+)$/;

/**
 * Runs one of the runner's scripts: the user's in the job's container, the others beside it on the machine.
 * @param script the script's bytes.
 * @throws whatever is the system's failure.
 */
export async function runStage(script: Uint8Array, name: string, context: StageContext): Promise<StageOutcome> {
  const { manager, env, say } = context;
  const { holder, variables } = runnerJobFrom(env);
  const job = await heldJob(manager, holder, context.cancel);
  if (job === undefined) {
    throw new SystemError(
      "no-machine",
      "no machine is held for this job: it was lost, given back, or not renewed in time",
    );
  }
  const request = {
    name,
    place: IN_THE_JOB.test(name) ? "job" : "machine",
    script: Buffer.from(script).toString("base64"),
    decidesResult: doesDecideResult(name, variables),
  } as const;
  for (let starts = 1; starts <= MAX_STARTS; starts += 1) {
    const { number } = await manager.startStage(job.id, request);
    const end = await followStage(job.id, number, say, context);
    switch (end.result) {
      case "exited":
        if (end.exitCode === 0) return { result: "done" };
        return { result: "build-failure", exitCode: end.exitCode, message: `exit code ${end.exitCode}` };
      case "stopped":
        return { result: "build-failure", message: "the stage was stopped" };
      case "timeout":
        return { result: "build-failure", message: end.message };
      case "job-ended":
        return outcomeFrom(end.end);
      case "never-begun":
    }
  }
  throw new SystemError(
    "stage-never-begun",
    `the manager was restarted ${MAX_STARTS} times before the script had begun`,
  );
}

/**
 * Tells whether the runner takes a stage's failure for the job's: of caches and artifacts it does, when nothing failed before.
 * Source: gitlab-runner 19.4, common/build.go, executeUserScripts and pickPriorityError
 */
function doesDecideResult(name: string, { AFTER_SCRIPT_IGNORE_ERRORS: ignores }: RunnerJob["variables"]): boolean {
  if (name === "after_script") return ignores !== undefined && isFalse(ignores);
  return name !== "cleanup_file_variables";
}

/** As Go reads it, in which the runner is written. Source: https://pkg.go.dev/strconv#ParseBool */
const isFalse = (text: string): boolean => ["0", "f", "F", "false", "FALSE", "False"].includes(text);
