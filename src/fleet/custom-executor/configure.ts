import { runnerJobFrom } from "./runnerJob.ts";

/** Where jobs live on their machines and in their containers, as `src/jobs` has it. */
const BUILDS_DIR = "/builds";

/**
 * Answers what `config_exec` tells the runner. Asks no daemon: a runner calls it for each try.
 * @param jobEnv what each later stage of this job finds in its environment.
 */
export function configure(
  env: Readonly<Record<string, string | undefined>>,
  version: string,
  jobEnv: Readonly<Record<string, string>>,
): object {
  const { id, variables } = runnerJobFrom(env);
  return {
    driver: { name: "mayfly", version },
    hostname: `mayfly-runner-${variables["CI_RUNNER_ID"] ?? "0"}-job-${id}`,
    builds_dir: BUILDS_DIR,
    // Below the folder that containers share with their machine.
    cache_dir: `${BUILDS_DIR}/.cache`,
    builds_dir_is_shared: false,
    job_env: jobEnv,
  };
}
