import { createRoute, z } from "@hono/zod-openapi";
import { REQUEST_KEY } from "../domain/requestKey.ts";
import { ERROR_KINDS } from "./errors.ts";
import { KEY_HEADER } from "./keyHeader.ts";
import { jobSchema, jobSpecSchema } from "./jobSchemas.ts";
import {
  healthSchema,
  instanceViewSchema,
  leaseViewSchema,
  machineSchema,
  poolViewSchema,
  timelineEventSchema,
} from "./schemas.ts";
import { span } from "./schemas.ts";

/** The longest that one question may stay open, in milliseconds. */
const MAX_WAIT_MS = 3_600_000;

const errorSchema = z
  .object({
    kind: z.enum(ERROR_KINDS),
    code: z.string(),
    message: z.string(),
    problems: z.array(z.object({ place: z.string(), message: z.string() })).optional(),
  })
  .openapi("Error");

const failure = {
  description: "What went wrong; the status follows from its kind",
  content: { "application/json": { schema: errorSchema } },
};

/** Responses of a route: JSON on success, an Error else. */
const answers = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  200: { description, content: { "application/json": { schema } } },
  default: failure,
});

/** Responses of a route that carries bytes. */
const bytes = (description: string) => ({
  200: { description, content: { "application/octet-stream": { schema: z.string().openapi({ format: "binary" }) } } },
  default: failure,
});

/** Responses of a route that turns the connection into another protocol. */
const switches = (description: string) => ({ 101: { description }, default: failure });

const jsonBody = <Schema extends z.ZodType>(schema: Schema) => ({
  body: { required: true, content: { "application/json": { schema } } },
});

const flag = z
  .enum(["true", "false"])
  .default("false")
  .transform((value) => value === "true");
const listed = { query: z.object({ all: flag }) };
const byName = { params: z.object({ name: z.string() }) };
const byId = { params: z.object({ id: z.string() }) };
const waitMs = z.coerce.number().int().min(0).max(MAX_WAIT_MS);

const keyed = {
  headers: z.object({
    [KEY_HEADER]: z
      .string()
      .regex(REQUEST_KEY, { error: "8 to 128 letters, digits, `_`, `.` and `-`" })
      .optional()
      .openapi({ description: "Made by the client: the same request sent again with it has no second effect" }),
  }),
};

const leaseRequestSchema = z
  .strictObject({
    poolName: z.string().min(1),
    holder: z.string(),
    priority: z.number().int().optional(),
    jobId: jobSchema.options[0].shape.id.optional(),
    ttlMs: span.min(1_000).optional(),
    waitTimeoutMs: span.positive().optional(),
  })
  .openapi("LeaseRequest");

const get = "get" as const;
const post = "post" as const;

export const health = createRoute({ method: get, path: "/v1/health", responses: answers(healthSchema, "Its health") });

export const pools = createRoute({
  method: get,
  path: "/v1/pools",
  responses: answers(z.array(poolViewSchema).readonly(), "All pools"),
});
export const pool = createRoute({
  method: get,
  path: "/v1/pools/{name}",
  request: byName,
  responses: answers(poolViewSchema, "The pool"),
});
export const cordonPool = createRoute({
  method: post,
  path: "/v1/pools/{name}/cordon",
  request: byName,
  responses: answers(poolViewSchema, "The pool, which gives no new leases"),
});
export const drainPool = createRoute({
  method: post,
  path: "/v1/pools/{name}/drain",
  request: byName,
  responses: answers(poolViewSchema, "The pool, cordoned, its idle machines on their way out"),
});
export const resumePool = createRoute({
  method: post,
  path: "/v1/pools/{name}/resume",
  request: byName,
  responses: answers(poolViewSchema, "The pool, open again"),
});
/** The three again, for all pools at once. */
const steersAll = (verb: "cordon" | "drain" | "resume", description: string) =>
  createRoute({
    method: post,
    path: `/v1/${verb}` as const,
    responses: answers(z.array(poolViewSchema).readonly(), description),
  });
export const cordonAll = steersAll("cordon", "All pools, which give no new leases");
export const drainAll = steersAll("drain", "All pools, cordoned, their idle machines on their way out");
export const resumeAll = steersAll("resume", "All pools; those that were steered by themselves stay so");

export const machines = createRoute({
  method: get,
  path: "/v1/machines",
  request: listed,
  responses: answers(z.array(machineSchema).readonly(), "Live machines, oldest first; with `all` ended ones too"),
});
export const machine = createRoute({
  method: get,
  path: "/v1/machines/{id}",
  request: byId,
  responses: answers(machineSchema, "The machine"),
});
export const terminateMachine = createRoute({
  method: post,
  path: "/v1/machines/{id}/terminate",
  request: byId,
  responses: answers(machineSchema, "The machine, on its way out"),
});
export const auditInstances = createRoute({
  method: get,
  path: "/v1/instances",
  responses: answers(z.array(instanceViewSchema).readonly(), "What providers show under our tag, against the store"),
});
export const reapStrangers = createRoute({
  method: post,
  path: "/v1/instances/reap",
  responses: answers(z.array(instanceViewSchema).readonly(), "The same, its strangers ended"),
});
export const execOnMachine = createRoute({
  method: get,
  path: "/v1/machines/{id}/exec",
  request: byId,
  responses: switches("With `Upgrade: mayfly-exec`: a process on the machine, in frames"),
});

export const acquireLease = createRoute({
  method: post,
  path: "/v1/leases",
  request: { ...jsonBody(leaseRequestSchema), ...keyed },
  responses: answers(leaseViewSchema, "The lease, waiting or held"),
});
export const leases = createRoute({
  method: get,
  path: "/v1/leases",
  request: listed,
  responses: answers(z.array(leaseViewSchema).readonly(), "Open leases, oldest first; with `all` ended ones too"),
});
export const awaitLease = createRoute({
  method: get,
  path: "/v1/leases/{id}/await",
  request: { ...byId, query: z.object({ waitMs, knownWhy: z.string().optional() }) },
  responses: answers(leaseViewSchema, "The lease, once it waits no longer, its why has changed, or the time is over"),
});
export const renewLease = createRoute({
  method: post,
  path: "/v1/leases/{id}/renew",
  request: byId,
  responses: answers(leaseViewSchema, "The lease with its new expiry"),
});
export const releaseLease = createRoute({
  method: post,
  path: "/v1/leases/{id}/release",
  request: byId,
  responses: answers(leaseViewSchema, "The lease, ended"),
});
export const execOnLease = createRoute({
  method: get,
  path: "/v1/leases/{id}/exec",
  request: byId,
  responses: switches("With `Upgrade: mayfly-exec`: a process on the leased machine, in frames"),
});
export const forwardEngine = createRoute({
  method: get,
  path: "/v1/leases/{id}/engine",
  request: byId,
  responses: switches("With `Upgrade: mayfly-forward`: a raw stream to the Docker socket of the leased machine"),
});

export const putArchive = createRoute({
  method: post,
  path: "/v1/archives",
  request: { body: { required: true, content: { "application/x-tar": { schema: z.any() } } } },
  responses: answers(z.object({ archiveId: z.string() }), "The id of the stored archive"),
});

export const submitJob = createRoute({
  method: post,
  path: "/v1/jobs",
  request: { ...jsonBody(jobSpecSchema), ...keyed },
  responses: answers(jobSchema, "The accepted job"),
});
export const jobs = createRoute({
  method: get,
  path: "/v1/jobs",
  request: listed,
  responses: answers(z.array(jobSchema).readonly(), "Open jobs, oldest first; with `all` ended ones too"),
});
export const job = createRoute({
  method: get,
  path: "/v1/jobs/{id}",
  request: byId,
  responses: answers(jobSchema, "The job"),
});
export const awaitJob = createRoute({
  method: get,
  path: "/v1/jobs/{id}/await",
  request: { ...byId, query: z.object({ waitMs }) },
  responses: answers(jobSchema, "The job, once it has ended or the time is over"),
});
export const cancelJob = createRoute({
  method: post,
  path: "/v1/jobs/{id}/cancel",
  request: { ...byId, query: z.object({ force: flag }) },
  responses: answers(jobSchema, "The job, asked to end"),
});
export const jobEvents = createRoute({
  method: get,
  path: "/v1/jobs/{id}/events",
  request: byId,
  responses: answers(z.array(timelineEventSchema).readonly(), "What happened to the job, oldest first"),
});
export const jobLog = createRoute({
  method: get,
  path: "/v1/jobs/{id}/log",
  request: { ...byId, query: z.object({ offset: z.coerce.number().int().min(0).default(0), follow: flag }) },
  responses: bytes("The log from the offset on; with `follow` until the job writes no more"),
});
