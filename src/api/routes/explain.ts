import { createRoute } from "@hono/zod-openapi";
import { jobWhySchema, poolWhySchema } from "../schemas/explain.ts";
import { poolShadowsSchema } from "../schemas/shadow.ts";
import { about, answers, byId, byName, get } from "./parts.ts";

export const poolWhy = createRoute({
  ...about("explainPool", "pools", "Why a pool keeps as many machines ready as it does, in numbers"),
  method: get,
  path: "/v1/pools/{name}/why",
  request: byName,
  responses: answers(poolWhySchema, "The decision that is in force, and the last changes of level", 404),
});
export const poolShadows = createRoute({
  ...about("explainShadows", "pools", "What the policies that are tried beside a pool's own would have done"),
  method: get,
  path: "/v1/pools/{name}/shadows",
  request: byName,
  responses: answers(poolShadowsSchema, "Waits, launches and cost of each shadow beside those of the pool", 404),
});
export const jobWhy = createRoute({
  ...about(
    "explainJob",
    "jobs",
    "Where a job's wait for its machine went, and what one more idle machine would have changed",
  ),
  method: get,
  path: "/v1/jobs/{id}/why",
  request: byId,
  responses: answers(jobWhySchema, "The wait, by cause", 404),
});
