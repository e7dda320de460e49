import { createRoute, z } from "@hono/zod-openapi";
import type { Announcement } from "../../ports/announce.ts";
import { instant } from "../schemas/basics.ts";
import { about, answers, byId, jsonBody, post } from "./parts.ts";

const poolName = z.string().min(1).max(63);
const count = z.int().min(1).max(10_000);

const announcementSchema = z
  .strictObject({
    jobs: z
      .array(
        z.strictObject({
          ...{ poolName, count },
          chance: z.number().min(0).max(1),
          readyAt: z.array(instant).min(1).max(32).readonly(),
        }),
      )
      .max(1_000)
      .readonly(),
    begun: z.array(z.strictObject({ poolName, count })).max(1_000).readonly(),
    ttlMs: z.int().min(1_000).max(86_400_000),
  })
  .openapi("PipelineAnnouncement") satisfies z.ZodType<Announcement>;

export const announcePipeline = createRoute({
  ...about(
    "announcePipeline",
    "jobs",
    "Tell which jobs a pipeline will bring, and when, in the place of what was told before",
  ),
  method: post,
  path: "/v1/pipelines/{id}",
  request: { ...byId, ...jsonBody(announcementSchema) },
  responses: answers(z.object({ id: z.string() }), "It is kept in mind", 400, 404),
});
