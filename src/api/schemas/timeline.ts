import { z } from "@hono/zod-openapi";
import type { TimelineEvent } from "../../ports/store.ts";
import { instant, jobIdSchema, leaseIdSchema, machineIdSchema, text } from "./basics.ts";

export const timelineEventSchema = z
  .object({
    at: instant,
    machineId: machineIdSchema.optional(),
    leaseId: leaseIdSchema.optional(),
    jobId: jobIdSchema.optional(),
    poolName: text.optional(),
    what: text,
    detail: text,
  })
  .openapi("TimelineEvent") satisfies z.ZodType<TimelineEvent>;
