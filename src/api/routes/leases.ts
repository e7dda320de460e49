import { createRoute, z } from "@hono/zod-openapi";
import { jobSchema } from "../schemas/job.ts";
import { span } from "../schemas/basics.ts";
import { leaseViewSchema } from "../schemas/lease.ts";
import { about, answers, byId, get, jsonBody, keyed, listed, post, streams, switches, waitMs } from "./parts.ts";

const leaseRequestSchema = z
  .strictObject({
    poolName: z.string().min(1),
    holder: z.string().openapi({ description: "Who asks, for people" }),
    priority: z.number().int().optional().openapi({ description: "The higher goes first; 0 unless given" }),
    jobId: jobSchema.options[0].shape.id.optional(),
    ttlMs: span.min(1_000).optional().openapi({ description: "To be renewed within this; 60,000 unless given" }),
    waitTimeoutMs: span.positive().optional().openapi({ description: "How long to wait; 3,600,000 unless given" }),
  })
  .openapi("LeaseRequest");

/** What may be run on a leased machine in one request. */
const runRequestSchema = z
  .strictObject({
    command: z.string().min(1).openapi({ description: "For the login shell of the machine's user" }),
    stdin: z.string().default("").openapi({ description: "What the command reads" }),
  })
  .openapi("RunRequest");

const runLineSchema = z
  .union([
    z.object({ stdout: z.string() }),
    z.object({ stderr: z.string() }),
    z.object({ exitCode: z.number().optional(), signal: z.string().optional() }),
    z.object({ error: z.object({ kind: z.string(), code: z.string(), message: z.string() }) }),
  ])
  .openapi("RunLine", {
    description:
      "A line of the answer: output as it comes, as text; the last line is how the command ended, or what kept it from ending",
  });

export const acquireLease = createRoute({
  ...about("acquireLease", "leases", "Join the queue for a machine"),
  method: post,
  path: "/v1/leases",
  request: { ...jsonBody(leaseRequestSchema), ...keyed },
  responses: answers(leaseViewSchema, "The lease, waiting or held", 400, 409),
});
export const leases = createRoute({
  ...about("listLeases", "leases", "The leases, and why they wait"),
  method: get,
  path: "/v1/leases",
  request: listed,
  responses: answers(z.array(leaseViewSchema).readonly(), "Open leases, oldest first; with `all` ended ones too", 400),
});
export const awaitLease = createRoute({
  ...about("awaitLease", "leases", "Wait for a machine"),
  method: get,
  path: "/v1/leases/{id}/await",
  request: {
    ...byId,
    query: z.object({
      waitMs,
      knownWhy: z.string().optional().openapi({ description: "The why that the caller knows, to be told of another" }),
    }),
  },
  responses: answers(
    leaseViewSchema,
    "The lease, once it waits no longer, its why has changed, or the time is over",
    400,
    404,
  ),
});
export const renewLease = createRoute({
  ...about("renewLease", "leases", "Hold a lease for another time to live from now"),
  method: post,
  path: "/v1/leases/{id}/renew",
  request: byId,
  responses: answers(leaseViewSchema, "The lease with its new expiry", 404, 409),
});
export const releaseLease = createRoute({
  ...about("releaseLease", "leases", "End a lease, and with it its machine"),
  method: post,
  path: "/v1/leases/{id}/release",
  request: byId,
  responses: answers(leaseViewSchema, "The lease, ended", 404),
});
export const runOnLease = createRoute({
  ...about("runOnLease", "leases", "Run a command on the leased machine; its output comes line by line"),
  method: post,
  path: "/v1/leases/{id}/run",
  request: { ...byId, ...jsonBody(runRequestSchema) },
  responses: streams("application/x-ndjson", runLineSchema, "Lines of JSON, as they come", 400, 404, 409, 502),
});
export const execOnLease = createRoute({
  ...about("execOnLease", "leases", "Start a process on the leased machine, its streams on this connection"),
  method: get,
  path: "/v1/leases/{id}/exec",
  request: byId,
  responses: switches("With `Upgrade: mayfly-exec`: a process on the leased machine, in frames"),
});
export const forwardEngine = createRoute({
  ...about("forwardEngine", "leases", "Speak with the Docker engine of the leased machine"),
  method: get,
  path: "/v1/leases/{id}/engine",
  request: byId,
  responses: switches("With `Upgrade: mayfly-forward`: a raw stream to the Docker socket of the leased machine"),
});
