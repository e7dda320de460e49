import type { GitlabRunner } from "../../config/gitlab.ts";

/** The pool of a job by the tags that its runner must have: GitLab gives it to a runner that has all of them. */
export function poolOfTags(runners: readonly GitlabRunner[], tags: readonly string[] | undefined): string | undefined {
  if (tags === undefined) return undefined;
  return runners.find((runner) =>
    tags.length === 0 ? runner.runsUntagged : tags.every((tag) => runner.tags.includes(tag)),
  )?.poolName;
}

/** The pool of a job by the tags of the runner that took it: they are just those that the operator named. */
export function poolOfRunner(
  runners: readonly GitlabRunner[],
  runnerTags: readonly string[] | undefined,
): string | undefined {
  if (runnerTags === undefined || runnerTags.length === 0) return undefined;
  const took = new Set(runnerTags);
  return runners.find(({ tags }) => tags.length === took.size && tags.every((tag) => took.has(tag)))?.poolName;
}
