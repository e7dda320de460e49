import { basename } from "node:path";
import { slugFrom } from "../jobs/variables.ts";
import type { EpochMs } from "../domain/ids.ts";
import { git } from "./git.ts";

/**
 * The variables that GitLab predefines and that make sense for a run on this host.
 * GITLAB_CI and what names a server, a project or a token are left out: tools take them as a promise that GitLab's API answers.
 * @param filePath the pipeline's file, as the project names it.
 * Source: https://docs.gitlab.com/ci/variables/predefined_variables/
 */
export async function predefinedVariables(
  folder: string,
  filePath: string,
  now: EpochMs,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  return {
    CI: "true",
    CI_CONFIG_PATH: filePath,
    CI_PIPELINE_CREATED_AT: new Date(now).toISOString(),
    // A number, as GitLab's, that grows from run to run.
    CI_PIPELINE_ID: String(now),
    CI_PROJECT_NAME: basename(folder),
    ...(await commitVariables(folder, signal)),
  };
}

/** Empty where there is no commit to speak of. */
async function commitVariables(folder: string, signal: AbortSignal): Promise<Record<string, string>> {
  const ask = (...args: string[]): Promise<string> =>
    git(folder, args, signal).then(
      (text) => text.trim(),
      () => {
        signal.throwIfAborted();
        return "";
      },
    );
  const [sha, timestamp, author, title] = (await ask("log", "-1", "--format=%H%x00%cI%x00%an <%ae>%x00%s")).split("\0");
  if (sha === undefined || sha === "") return {};
  const branch = await ask("symbolic-ref", "--short", "-q", "HEAD");
  const tag = branch === "" ? await ask("describe", "--tags", "--exact-match") : "";
  const ref = branch || tag;
  return {
    CI_COMMIT_SHA: sha,
    CI_COMMIT_SHORT_SHA: sha.slice(0, 8),
    CI_COMMIT_TIMESTAMP: timestamp ?? "",
    CI_COMMIT_AUTHOR: author ?? "",
    CI_COMMIT_TITLE: title ?? "",
    ...(ref === "" ? {} : { CI_COMMIT_REF_NAME: ref, CI_COMMIT_REF_SLUG: slugFrom(ref) }),
    ...(branch === "" ? {} : { CI_COMMIT_BRANCH: branch }),
    ...(tag === "" ? {} : { CI_COMMIT_TAG: tag }),
  };
}
