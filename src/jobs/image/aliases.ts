import type { JobService } from "../../domain/job.ts";

/**
 * The names of a service on the job's network: GitLab's two from the image's name without registry port, tag and digest
 * (`/` as `__` and as `-`), then its own aliases.
 */
export function serviceAliases({ name, aliases }: Pick<JobService, "name" | "aliases">): string[] {
  const [named = ""] = name.split("@");
  const path = named.replace(/:[^/:]*$/, "").replace(/^([^/:]+):\d+\//, "$1/");
  const own = aliases.flatMap((alias) => alias.split(/[\s,]+/)).filter((alias) => alias !== "");
  return [...new Set([path.replaceAll("/", "__"), path.replaceAll("/", "-"), ...own])];
}
