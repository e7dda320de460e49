import { quoteForShell } from "../../../src/jobs/script.ts";
import type { CoordinatedJob } from "./job.ts";
import { repoUrlFor } from "./payload.ts";
import type { Sources } from "./payload.ts";

// The runner's own commands, as its scripts have them. Source: gitlab-runner 19.4 shells/abstract.go.

/** What the script of `get_sources` does, in the project's folder. */
export function cloneCommands(job: CoordinatedJob, { repoUrl, sha }: Sources): readonly string[] {
  const fetch = "git -c http.userAgent='gitlab-runner 19.4.0 linux/amd64' fetch origin --no-recurse-submodules";
  return [
    'git init "$CI_PROJECT_DIR"',
    `git remote add origin ${quoteForShell(repoUrlFor(job, repoUrl))}`,
    `${fetch} +refs/heads/main:refs/remotes/origin/main --depth 20 --prune --quiet`,
    `git checkout -f -q ${sha}`,
    "git clean -ffdx",
  ];
}

/** The stages of a job that are about artifacts, by their names. @param jobUrl the coordinator's, for jobs. */
export function artifactStages(job: CoordinatedJob, jobUrl: string): Readonly<Record<string, readonly string[]>> {
  const { artifacts, artifactsWhen, needs } = job.order;
  const upload = artifacts === undefined ? undefined : uploadCommands(job, artifacts, jobUrl);
  return {
    ...(needs === undefined ? {} : { download_artifacts: downloadCommands(needs, jobUrl) }),
    ...(upload === undefined ? {} : { upload_artifacts_on_success: upload }),
    ...(upload === undefined || artifactsWhen !== "always" ? {} : { upload_artifacts_on_failure: upload }),
  };
}

function uploadCommands({ id, token }: CoordinatedJob, artifacts: readonly string[], url: string): readonly string[] {
  const paths = artifacts.flatMap((path) => ["--path", path]);
  const timeouts = ["--timeout", "1h0m0s", "--response-header-timeout", "10m0s"];
  const kind = [
    "--name",
    "artifacts",
    "--expire-in",
    "1 day",
    "--artifact-format",
    "zip",
    "--artifact-type",
    "archive",
  ];
  const words = ["artifacts-uploader", "--url", url, "--token", token, "--id", `${id}`, ...timeouts, ...paths, ...kind];
  return [guarded("Uploading artifacts", [command(words)])];
}

function downloadCommands(needs: readonly CoordinatedJob[], url: string): readonly string[] {
  const downloads = needs.map(({ id, token }) =>
    command(["artifacts-downloader", "--url", url, "--token", token, "--id", `${id}`]),
  );
  return [guarded("Downloading artifacts", downloads)];
}

const command = (words: readonly string[]): string => `gitlab-runner ${words.map(quoteForShell).join(" ")}`;

/** Scripts do without a program that is not there, and say so. */
const guarded = (
  action: string,
  commands: readonly string[],
): string => `if gitlab-runner --version >/dev/null 2>&1; then
  ${commands.join("\n  ")}
else
  echo "Missing gitlab-runner. ${action} is disabled."
fi`;
