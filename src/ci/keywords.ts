/** Top-level keys that are not jobs and that mayfly honours. */
export const GLOBAL_KEYWORDS = [
  "default",
  "stages",
  "variables",
  "image",
  "services",
  "before_script",
  "after_script",
] as const;

/** Top-level keys that GitLab knows and mayfly does not honour, with what that means. */
export const UNHONOURED_GLOBALS: Readonly<Record<string, string>> = {
  cache: "nothing is kept between jobs or runs",
  workflow: "the pipeline runs whatever its rules say",
};

/** Top-level keys without which the pipeline would be another one. */
export const REFUSED_GLOBALS: Readonly<Record<string, string>> = {
  include:
    "what it brings would be missing: run the merged file, which GitLab's pipeline editor shows as full configuration",
  spec: "inputs are not filled in: run the merged file, which GitLab's pipeline editor shows as full configuration",
};

/** Keys of a job that mayfly honours. */
export const JOB_KEYWORDS = [
  "after_script",
  "allow_failure",
  "before_script",
  "extends",
  "image",
  "inherit",
  "needs",
  "parallel",
  "script",
  "services",
  "stage",
  "tags",
  "timeout",
  "variables",
  "when",
] as const;

/** Keys of a job that decide whether it belongs to the pipeline at all; such a job starts only when it is named. */
export const SELECTING_KEYWORDS = ["rules", "only", "except"] as const;

/** Keys of a job that mayfly does not honour though the job can run without, with what that means. */
export const UNHONOURED_KEYWORDS: Readonly<Record<string, string>> = {
  artifacts: "files that a job leaves are not kept and not passed on",
  cache: "nothing is kept between jobs or runs",
  coverage: "no coverage is read from the log",
  dast_configuration: "no scan profile is loaded",
  dependencies: "files that a job leaves are not passed on",
  environment: "no deployment is recorded",
  hooks: "its scripts are not run",
  id_tokens: "no token is issued",
  identity: "no identity is issued",
  interruptible: "a newer pipeline does not cancel this one",
  manual_confirmation: "nobody is asked",
  pages: "nothing is published",
  publish: "nothing is published",
  release: "no release is made",
  resource_group: "jobs do not wait for each other",
  retry: "a failed job is not run again",
  secrets: "no secret is fetched",
  start_in: "the job starts without the delay",
};

/** Keys of a job without which it would be another job. */
export const REFUSED_KEYWORDS: Readonly<Record<string, string>> = {
  inputs: "inputs are not filled in",
  run: "steps are not run, only `script` is",
  trigger: "mayfly starts no other pipelines: take the job out, or give it a `script`",
};

/** Keys that `default:` may hold and mayfly honours. */
export const DEFAULT_KEYWORDS = ["after_script", "before_script", "image", "services", "tags", "timeout"] as const;

/** Keys that `default:` may hold and mayfly does not honour; the reasons stand with the jobs' keys. */
export const UNHONOURED_DEFAULTS = ["artifacts", "cache", "hooks", "id_tokens", "identity", "interruptible", "retry"];
