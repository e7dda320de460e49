import { createRoute, z } from "@hono/zod-openapi";
import { jobSchema, jobSpecSchema } from "../schemas/job.ts";
import { timelineEventSchema } from "../schemas/timeline.ts";
import { about, answers, byId, flag, get, jsonBody, keyed, listed, post, streams, waitMs } from "./parts.ts";

const bytes = z.string().openapi({ format: "binary" });

export const putArchive = createRoute({
  ...about("putArchive", "jobs", "Upload the folder that a job starts in"),
  method: post,
  path: "/v1/archives",
  request: { body: { required: true, content: { "application/x-tar": { schema: bytes } } } },
  responses: answers(z.object({ archiveId: z.string() }), "The id of the stored archive", 400),
});

export const submitJob = createRoute({
  ...about("submitJob", "jobs", "Have a job run on one fresh machine"),
  method: post,
  path: "/v1/jobs",
  request: { ...jsonBody(jobSpecSchema), ...keyed },
  responses: answers(jobSchema, "The accepted job", 400, 404, 409),
});
export const jobs = createRoute({
  ...about("listJobs", "jobs", "The jobs"),
  method: get,
  path: "/v1/jobs",
  request: listed,
  responses: answers(z.array(jobSchema).readonly(), "Open jobs, oldest first; with `all` ended ones too", 400),
});
export const job = createRoute({
  ...about("getJob", "jobs", "One job"),
  method: get,
  path: "/v1/jobs/{id}",
  request: byId,
  responses: answers(jobSchema, "The job", 404),
});
export const awaitJob = createRoute({
  ...about("awaitJob", "jobs", "Wait for a job's end"),
  method: get,
  path: "/v1/jobs/{id}/await",
  request: { ...byId, query: z.object({ waitMs }) },
  responses: answers(jobSchema, "The job, once it has ended or the time is over", 400, 404),
});
export const cancelJob = createRoute({
  ...about("cancelJob", "jobs", "Ask a job to end"),
  method: post,
  path: "/v1/jobs/{id}/cancel",
  request: {
    ...byId,
    query: z.object({ force: flag.openapi({ description: "Wait for nothing, its after_script included" }) }),
  },
  responses: answers(jobSchema, "The job, asked to end", 400, 404),
});
export const jobEvents = createRoute({
  ...about("listJobEvents", "jobs", "Where a job's time goes or went, as sentences"),
  method: get,
  path: "/v1/jobs/{id}/events",
  request: byId,
  responses: answers(z.array(timelineEventSchema).readonly(), "What happened to the job, oldest first", 404),
});
export const jobLog = createRoute({
  ...about("readJobLog", "jobs", "Read a job's log, also while it grows"),
  method: get,
  path: "/v1/jobs/{id}/log",
  request: {
    ...byId,
    query: z.object({
      offset: z.coerce.number().int().min(0).default(0).openapi({ description: "In bytes" }),
      follow: flag.openapi({ description: "Until the job writes no more" }),
    }),
  },
  responses: streams(
    "application/octet-stream",
    bytes,
    "The log from the offset on; with `follow` until the job writes no more",
    400,
    404,
  ),
});
