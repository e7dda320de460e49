import { z } from "@hono/zod-openapi";
import type { Job, JobSpec } from "../../domain/job.ts";
import { instant, jobIdSchema, leaseIdSchema, machineIdSchema, span } from "./basics.ts";

const text = z.string();
const texts = z.array(text).readonly();
const variables = z.record(text, text);
const pullPolicy = z
  .array(z.enum(["always", "if-not-present", "never"]))
  .readonly()
  .optional();

const image = z.strictObject({
  name: text.min(1),
  entrypoint: texts.optional(),
  user: text.optional(),
  pullPolicy,
});

const service = z.strictObject({
  name: text.min(1),
  aliases: texts,
  entrypoint: texts.optional(),
  command: texts.optional(),
  variables,
  pullPolicy,
});

/** What a client may ask to have run. Rules beyond the shape are the job service's. */
export const jobSpecSchema = z
  .strictObject({
    name: text.min(1),
    poolName: text.min(1),
    holder: text,
    image: image.optional(),
    services: z.array(service).readonly(),
    variables,
    beforeScript: texts,
    script: texts,
    scriptEncoding: z.enum(["utf8", "base64"]).optional(),
    afterScript: texts,
    echoCommands: z.boolean(),
    timeoutMs: z.number().positive().optional(),
    archiveId: text.optional(),
    registryLogins: z
      .array(z.strictObject({ server: text, username: text, password: text }))
      .readonly()
      .optional(),
    staged: z.strictObject({ ttlMs: z.number().min(1_000) }).optional(),
    waitTimeoutMs: z.number().positive().optional(),
  })
  .openapi("JobSpec") satisfies z.ZodType<JobSpec>;

const phase = span.exactOptional();
const message = { message: text };
/** The end of a job. */
export const jobEndSchema = z.discriminatedUnion("result", [
  z.object({ result: z.literal("success"), exitCode: z.literal(0) }),
  z.object({ result: z.literal("failed"), exitCode: z.number(), ...message }),
  z.object({ result: z.literal("timeout"), ...message }),
  z.object({ result: z.literal("cancelled"), ...message }),
  z.object({ result: z.literal("machine-lost"), ...message }),
  z.object({ result: z.literal("system-failure"), ...message }),
]);

const jobBase = z.object({
  id: jobIdSchema,
  name: text,
  poolName: text,
  holder: text,
  createdAt: instant,
  leaseId: leaseIdSchema.optional(),
  machineId: machineIdSchema.optional(),
  startedAt: instant.optional(),
  phasesMs: z.object({
    ...{ queued: phase, leased: phase, pulled: phase, services: phase },
    ...{ script: phase, after: phase, released: phase },
  }),
  costUsd: z.number().optional(),
  cancelledBy: z.enum(["owner", "manager"]).optional(),
  requestDigest: text.optional(),
});

export const jobSchema = z
  .discriminatedUnion("state", [
    jobBase.extend({ state: z.literal("waiting") }),
    jobBase.extend({ state: z.literal("running") }),
    jobBase.extend({ state: z.literal("ended"), endedAt: instant, end: jobEndSchema }),
  ])
  .openapi("Job") satisfies z.ZodType<Job>;
