import { createRoute, z } from "@hono/zod-openapi";
import { configDiffSchema, configReloadSchema, configTextSchema } from "../schemas/config.ts";
import { healthSchema } from "../schemas/health.ts";
import { instanceViewSchema, machineSchema } from "../schemas/machine.ts";
import { poolViewSchema } from "../schemas/pool.ts";
import { about, answers, byId, byName, get, jsonBody, listed, post, switches } from "./parts.ts";

export const health = createRoute({
  ...about("getHealth", "manager", "How the manager fares"),
  method: get,
  path: "/v1/health",
  responses: answers(healthSchema, "Its health"),
});

export const reloadConfig = createRoute({
  ...about("reloadConfig", "manager", "Read the configuration file again, and apply all of it or nothing"),
  method: post,
  path: "/v1/config/reload",
  responses: answers(configReloadSchema, "What has changed by it", 400, 409),
});

export const diffConfig = createRoute({
  ...about("diffConfig", "manager", "What a configuration file would change, and what that would do"),
  method: post,
  path: "/v1/config/diff",
  request: jsonBody(configTextSchema),
  responses: answers(configDiffSchema, "The differences, and what they do to each pool", 400),
});

export const pools = createRoute({
  ...about("listPools", "pools", "All pools, and why each is as it is"),
  method: get,
  path: "/v1/pools",
  responses: answers(z.array(poolViewSchema).readonly(), "All pools"),
});
export const pool = createRoute({
  ...about("getPool", "pools", "One pool, and why it is as it is"),
  method: get,
  path: "/v1/pools/{name}",
  request: byName,
  responses: answers(poolViewSchema, "The pool", 404),
});
export const cordonPool = createRoute({
  ...about("cordonPool", "pools", "Give no new leases from a pool"),
  method: post,
  path: "/v1/pools/{name}/cordon",
  request: byName,
  responses: answers(poolViewSchema, "The pool, which gives no new leases", 404),
});
export const drainPool = createRoute({
  ...about("drainPool", "pools", "Cordon a pool, let its leases end, terminate its machines"),
  method: post,
  path: "/v1/pools/{name}/drain",
  request: byName,
  responses: answers(poolViewSchema, "The pool, cordoned, its idle machines on their way out", 404),
});
export const resumePool = createRoute({
  ...about("resumePool", "pools", "Open a pool again"),
  method: post,
  path: "/v1/pools/{name}/resume",
  request: byName,
  responses: answers(poolViewSchema, "The pool, open again", 404),
});
/** The three again, for all pools at once. */
const steersAll = (verb: "cordon" | "drain" | "resume", description: string) =>
  createRoute({
    ...about(`${verb}All`, "pools", `${verb[0]?.toUpperCase()}${verb.slice(1)} all pools at once`),
    method: post,
    path: `/v1/${verb}` as const,
    responses: answers(z.array(poolViewSchema).readonly(), description),
  });
export const cordonAll = steersAll("cordon", "All pools, which give no new leases");
export const drainAll = steersAll("drain", "All pools, cordoned, their idle machines on their way out");
export const resumeAll = steersAll("resume", "All pools; those that were steered by themselves stay so");

export const machines = createRoute({
  ...about("listMachines", "machines", "The machines"),
  method: get,
  path: "/v1/machines",
  request: listed,
  responses: answers(z.array(machineSchema).readonly(), "Live machines, oldest first; with `all` ended ones too", 400),
});
export const machine = createRoute({
  ...about("getMachine", "machines", "One machine"),
  method: get,
  path: "/v1/machines/{id}",
  request: byId,
  responses: answers(machineSchema, "The machine", 404),
});
export const terminateMachine = createRoute({
  ...about("terminateMachine", "machines", "End a machine, and whatever runs on it"),
  method: post,
  path: "/v1/machines/{id}/terminate",
  request: byId,
  responses: answers(machineSchema, "The machine, on its way out", 404),
});
export const auditInstances = createRoute({
  ...about("auditInstances", "machines", "Hold what the providers show against what the manager knows"),
  method: get,
  path: "/v1/instances",
  responses: answers(z.array(instanceViewSchema).readonly(), "What providers show under our tag, against the store"),
});
export const reapStrangers = createRoute({
  ...about("reapStrangers", "machines", "End what bears our tag and nobody knows"),
  method: post,
  path: "/v1/instances/reap",
  responses: answers(z.array(instanceViewSchema).readonly(), "The same, its strangers ended"),
});
export const execOnMachine = createRoute({
  ...about("execOnMachine", "machines", "Start a process on a machine, its streams on this connection"),
  method: get,
  path: "/v1/machines/{id}/exec",
  request: byId,
  responses: switches("With `Upgrade: mayfly-exec`: a process on the machine, in frames"),
});
