import { ConfigError } from "../domain/errors.ts";
import type { Pipeline, PipelineJob } from "./model.ts";
import { suggestionFor } from "./suggest.ts";

/**
 * Leaves only the jobs that were named, as if nothing else stood in the file: what they need beside them is not waited for,
 * and what held them back does not count. The name in the file means all jobs that `parallel` makes of it.
 * @throws ConfigError for each name of no job.
 */
export function selectJobs(pipeline: Pipeline, names: readonly string[]): Pipeline {
  const known = [...new Set(pipeline.jobs.flatMap(({ name, baseName }) => [name, baseName]))];
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new ConfigError(
      unknown.map((name) => {
        return { place: "--job", message: `Expected the name of a job, got "${name}"${suggestionFor(name, known)}` };
      }),
      "job-unknown",
    );
  }
  const chosen = pipeline.jobs.filter(({ name, baseName }) => names.includes(name) || names.includes(baseName));
  const chosenNames = new Set(chosen.map(({ name }) => name));
  return { stages: pipeline.stages, jobs: chosen.map((job) => freed(job, chosenNames)) };
}

function freed(job: PipelineJob, chosenNames: ReadonlySet<string>): PipelineJob {
  return {
    ...job,
    needs: job.needs?.filter((name) => chosenNames.has(name)),
    when: job.when === "on_failure" ? "always" : job.when,
    heldBack: undefined,
  };
}
