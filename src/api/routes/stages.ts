import { createRoute, z } from "@hono/zod-openapi";
import type { StageRequest, StageView } from "../../domain/stage.ts";
import { jobEndSchema, jobSchema } from "../schemas/job.ts";
import { about, answers, byId, get, jsonBody, keyed, post, streams, waitMs } from "./parts.ts";

const text = z.string();
const ofStage = { params: z.object({ id: text, number: text.regex(/^\d{1,9}$/) }) };

const stageRequestSchema = z
  .strictObject({
    name: text.min(1),
    place: z.enum(["job", "machine"]),
    script: text.base64(),
    decidesResult: z.boolean(),
  })
  .openapi("StageRequest") satisfies z.ZodType<StageRequest>;

const stageViewSchema = z
  .object({
    number: z.number(),
    name: text,
    end: z
      .discriminatedUnion("result", [
        z.object({ result: z.literal("exited"), exitCode: z.number() }),
        z.object({ result: z.literal("stopped") }),
        z.object({ result: z.literal("timeout"), message: text }),
        z.object({ result: z.literal("never-begun") }),
        z.object({ result: z.literal("job-ended"), end: jobEndSchema }),
      ])
      .optional(),
  })
  .openapi("Stage") satisfies z.ZodType<StageView>;

export const startStage = createRoute({
  ...about("startStage", "jobs", "Ask a staged job for its next stage"),
  method: post,
  path: "/v1/jobs/{id}/stages",
  request: { ...byId, ...jsonBody(stageRequestSchema), ...keyed },
  responses: answers(stageViewSchema, "The next stage of a staged job; the one before is stopped", 400, 404, 409),
});
export const awaitStage = createRoute({
  ...about("awaitStage", "jobs", "Wait for a stage's end"),
  method: get,
  path: "/v1/jobs/{id}/stages/{number}/await",
  request: { ...ofStage, query: z.object({ waitMs }) },
  responses: answers(
    stageViewSchema,
    "The stage, once it has ended or the time is over; 0 is the preparation",
    400,
    404,
    409,
  ),
});
export const stopStage = createRoute({
  ...about("stopStage", "jobs", "Ask a stage to end"),
  method: post,
  path: "/v1/jobs/{id}/stages/{number}/stop",
  request: ofStage,
  responses: answers(stageViewSchema, "The stage, asked to end", 400, 404, 409),
});
export const stageLog = createRoute({
  ...about("readStageLog", "jobs", "Read what a stage says"),
  method: get,
  path: "/v1/jobs/{id}/stages/{number}/log",
  request: { ...ofStage, query: z.object({ offset: z.coerce.number().int().min(0).default(0) }) },
  responses: streams(
    "application/octet-stream",
    text.openapi({ format: "binary" }),
    "What the stage says from the offset on, until it has ended",
    400,
    404,
    409,
  ),
});
export const finishJob = createRoute({
  ...about("finishJob", "jobs", "Be done with a staged job"),
  method: post,
  path: "/v1/jobs/{id}/finish",
  request: byId,
  responses: answers(jobSchema, "The staged job, about to end by the results of its stages", 404, 409),
});
