import { z } from "zod";
import type { EpochMs } from "../../domain/ids.ts";
import type { JobFact, PipelineFact } from "./facts.ts";
import { stateFromStatus } from "./facts.ts";

const id = z.int().min(1);
const text = z.string();
/** GitLab's own bound of a job's name. Source: `Ci::Build`, 255 characters. */
const name = z.string().min(1).max(255);
const instant = text.nullish();
const seconds = z.number().nullish();
const runner = z.object({ tags: z.array(text).nullish() }).nullish();

/** Source: lib/gitlab/data_builder/pipeline.rb of GitLab 18. Keys that say nothing here are left out. */
const pipelineHookSchema = z.object({
  object_attributes: z.object({
    ...{ id, ref: text.nullish(), source: text.nullish() },
    // Of a pipeline whose jobs are all gone there are none.
    stages: z.array(text).max(1_000).nullish(),
  }),
  project: z.object({ id }),
  builds: z
    .array(
      z.object({
        ...{ id, name, stage: name, status: text, started_at: instant, duration: seconds },
        ...{ when: text.nullish(), manual: z.boolean().nullish(), allow_failure: z.boolean().nullish(), runner },
      }),
    )
    .max(20_000),
});

/** Source: lib/gitlab/data_builder/build.rb of GitLab 18. */
const jobHookSchema = z.object({
  ...{ build_id: id, build_name: name, build_stage: name, build_status: text, build_started_at: instant },
  ...{ build_duration: seconds, build_allow_failure: z.boolean().nullish(), pipeline_id: id, project_id: id, runner },
});

/** What a webhook says: of which pipeline, or why it is of no use. */
export type Heard =
  | { readonly what: "pipeline" | "job"; readonly fact: PipelineFact }
  | { readonly what: "other"; readonly kind: string }
  | { readonly what: "invalid"; readonly why: string };

/** Reads the body of a webhook. Never throws; what it says of a wrong one names places and shows no values. */
export function heardFrom(body: string): Heard {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { what: "invalid", why: "Expected JSON" };
  }
  const kind = z.object({ object_kind: text }).safeParse(json).data?.object_kind;
  switch (kind) {
    case "pipeline":
      return readWith(pipelineHookSchema, json, (hook) => ({ what: "pipeline", fact: factFromPipeline(hook) }));
    case "build":
      return readWith(jobHookSchema, json, (hook) => ({ what: "job", fact: factFromJob(hook) }));
    case undefined:
      return { what: "invalid", why: "Expected `object_kind`" };
    default:
      return { what: "other", kind };
  }
}

function readWith<T>(schema: z.ZodType<T>, json: unknown, read: (hook: T) => Heard): Heard {
  const { data, error } = schema.safeParse(json);
  if (error === undefined) return read(data);
  const places = error.issues.slice(0, 5).map(({ path, message }) => `\`${path.join(".")}\` (${message})`);
  return { what: "invalid", why: `Expected what GitLab sends, got something else at ${places.join(", ")}` };
}

function factFromPipeline(hook: z.output<typeof pipelineHookSchema>): PipelineFact {
  const { id: pipelineId, stages, ref, source } = hook.object_attributes;
  const jobs = hook.builds.map(
    (build): JobFact => ({
      ...{ id: build.id, name: build.name, stage: build.stage },
      ...outcomeFrom(build.status, build.started_at, build.duration),
      // `manual` says that it can be started by hand, be it when it has been.
      when: build.manual === true ? "manual" : (build.when ?? undefined),
      mayFail: build.allow_failure ?? undefined,
      runnerTags: build.runner?.tags ?? undefined,
    }),
  );
  return {
    ...{ projectId: hook.project.id, pipelineId, jobs },
    ...{ stages: stages ?? undefined, ref: ref ?? undefined, source: source ?? undefined },
  };
}

function factFromJob(hook: z.output<typeof jobHookSchema>): PipelineFact {
  const job: JobFact = {
    ...{ id: hook.build_id, name: hook.build_name, stage: hook.build_stage },
    ...outcomeFrom(hook.build_status, hook.build_started_at, hook.build_duration),
    mayFail: hook.build_allow_failure ?? undefined,
    runnerTags: hook.runner?.tags ?? undefined,
  };
  return { projectId: hook.project_id, pipelineId: hook.pipeline_id, jobs: [job] };
}

/** How a job is and since when, by what webhooks and the API both tell. */
export function outcomeFrom(
  status: string,
  startedAt: string | null | undefined,
  durationS: number | null | undefined,
): Pick<JobFact, "state" | "result" | "startedAt" | "durationMs"> {
  const state = stateFromStatus(status);
  return {
    ...{ state, result: state === "ended" ? status : undefined, startedAt: instantFrom(startedAt) },
    // Of a job that runs it is the time so far.
    durationMs: state === "ended" && durationS && durationS > 0 ? Math.round(durationS * 1_000) : undefined,
  };
}

/** Webhooks write `2016-08-12 15:26:29 UTC`, or as the API `2015-12-24T17:54:27.722Z`. */
export function instantFrom(written: string | null | undefined): EpochMs | undefined {
  const at = Date.parse(written ?? "");
  return Number.isNaN(at) ? undefined : at;
}
