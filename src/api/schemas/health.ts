import { z } from "@hono/zod-openapi";
import type { Health } from "../../ports/health.ts";
import { instant, text } from "./basics.ts";
import { mode, preloadProblems, steeredBy } from "./poolState.ts";

/** How one of the ways fares on which GitLab is heard of. */
const source = {
  isUp: z.boolean(),
  problem: z.object({ text, since: instant }).optional(),
  lastHeardAt: instant.optional(),
};

export const healthSchema = z
  .object({
    status: z.enum(["ok", "degraded", "stopping"]),
    version: text,
    name: text,
    pid: z.number(),
    startedAt: instant,
    problems: z.array(text).readonly(),
    storeProblem: z.object({ text, since: instant }).optional(),
    configProblem: z.object({ text, since: instant }).optional(),
    disks: z.array(z.object({ what: text, path: text, freeBytes: z.number(), totalBytes: z.number() })).readonly(),
    minFreeBytes: z.number(),
    mirror: z
      .object({
        listen: text,
        upstream: text,
        isServing: z.boolean(),
        problem: z.object({ text, since: instant }).optional(),
        starts: z.number(),
        cacheBytes: z.number(),
        maxCacheBytes: z.number(),
      })
      .optional(),
    gitlab: z
      .object({
        webhooks: z
          .object({
            ...source,
            listen: text,
            taken: z.number(),
            other: z.number(),
            invalid: z.number(),
            refused: z.number(),
            lastRefusal: z.object({ text, at: instant }).optional(),
          })
          .optional(),
        api: z.object({ ...source, url: text, projects: z.number() }).optional(),
        pipelines: z.number(),
        jobsToCome: z.number(),
        knownNames: z.number(),
      })
      .optional(),
    pools: z
      .array(
        z.object({
          name: text,
          mode,
          steeredBy,
          launchProblem: text.optional(),
          refusals: z.number(),
          launchesPausedUntil: instant.optional(),
          preloadProblems,
        }),
      )
      .readonly(),
  })
  .openapi("Health") satisfies z.ZodType<Health>;
