import { createRoute, z } from "@hono/zod-openapi";
import type { CreateEvent, DockerMachineView, ReadyDockerMachine } from "../../ports/dockerMachines.ts";
import { instant, leaseIdSchema, machineIdSchema, span } from "../schemas/basics.ts";
import { about, answers, byId, get, jsonBody, post, streams } from "./parts.ts";

const text = z.string();
const of = "docker-machine";

const viewSchema = z
  .object({
    id: text,
    name: text,
    storagePath: text,
    poolName: text,
    leaseId: leaseIdSchema,
    state: z.enum(["creating", "kept"]),
    createdAt: instant,
  })
  .openapi("DockerMachine") satisfies z.ZodType<DockerMachineView>;

const requestSchema = z
  .strictObject({
    name: z.string().min(1),
    storagePath: z.string().min(1).openapi({ description: "Absolute; `machines/NAME` in it is going to be written" }),
    key: z
      .string()
      .min(8)
      .max(128)
      .openapi({ description: "Made by the client: with it, a create whose manager went away goes on with the next" }),
    wish: z.strictObject({
      poolName: text.optional(),
      ec2: z.strictObject({ region: text.optional(), instanceType: text.optional(), ami: text.optional() }).optional(),
    }),
    waitTimeoutMs: span.positive().optional(),
  })
  .openapi("DockerMachineRequest");

const readySchema = z
  .object({
    id: text,
    leaseId: leaseIdSchema,
    machineId: machineIdSchema,
    poolName: text,
    url: text,
    address: text,
    user: text,
    caPem: text,
    certPem: text,
    keyPem: text,
  })
  .openapi("ReadyDockerMachine") satisfies z.ZodType<ReadyDockerMachine>;

const eventSchema = z
  .discriminatedUnion("kind", [
    z.object({ kind: z.literal("progress"), text }),
    z.object({ kind: z.literal("ready"), machine: readySchema }),
    z.object({ kind: z.literal("kept") }),
  ])
  .openapi("DockerMachineEvent") satisfies z.ZodType<CreateEvent>;

export const dockerMachines = createRoute({
  ...about("listDockerMachines", of, "The machines of docker-machine"),
  method: get,
  path: "/v1/docker-machines",
  responses: answers(z.array(viewSchema).readonly(), "Those that have not ended, oldest first"),
});
export const createDockerMachine = createRoute({
  ...about("createDockerMachine", of, "Lease a machine for a directory of docker-machine"),
  method: post,
  path: "/v1/docker-machines",
  request: jsonBody(requestSchema),
  responses: streams(
    "application/x-ndjson",
    eventSchema,
    "Lines of JSON, as it goes; a failure on the way is a last line of kind `error`. The machine ends with this connection, unless it was kept by then",
    400,
    409,
  ),
});
export const keepDockerMachine = createRoute({
  ...about("keepDockerMachine", of, "Tell that the directory is written: from now on, that holds the machine"),
  method: post,
  path: "/v1/docker-machines/{id}/keep",
  request: byId,
  responses: answers(viewSchema, "The machine", 404, 409),
});
export const probeDockerMachine = createRoute({
  ...about("probeDockerMachine", of, "Ask the machine's engine whether it is there"),
  method: post,
  path: "/v1/docker-machines/{id}/probe",
  request: byId,
  responses: answers(viewSchema, "The machine, whose engine has just answered", 404, 502),
});
export const removeDockerMachine = createRoute({
  ...about("removeDockerMachine", of, "Have the machine end"),
  method: post,
  path: "/v1/docker-machines/{id}/remove",
  request: byId,
  responses: answers(z.object({}), "Its end is recorded; one that is unknown is success", 404),
});
