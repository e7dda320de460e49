import type { JobSpec } from "../domain/job.ts";

const LONGEST_SLUG = 63;

/** The job's name as one part of a path or a host name: [a-z0-9-], 1-63 characters, as GitLab's CI_JOB_NAME_SLUG. */
export function slugFrom(name: string): string {
  const slug = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, LONGEST_SLUG)
    .replaceAll(/^-+|-+$/g, "");
  return slug === "" ? "job" : slug;
}

/** The variables that a job sees: the usual ones of GitLab, under its own. */
export function jobVariables(spec: JobSpec, jobDir: string, buildsDir: string): Record<string, string> {
  return {
    CI: "true",
    CI_BUILDS_DIR: buildsDir,
    CI_JOB_NAME: spec.name,
    CI_JOB_NAME_SLUG: slugFrom(spec.name),
    CI_PROJECT_DIR: jobDir,
    ...(spec.image === undefined ? {} : { CI_JOB_IMAGE: spec.image.name }),
    ...spec.variables,
  };
}
