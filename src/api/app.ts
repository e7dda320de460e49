import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { ConfigError, SystemError } from "../domain/errors.ts";
import { jobIdFrom, leaseIdFrom, machineIdFrom } from "../domain/ids.ts";
import type { DockerMachines } from "../ports/dockerMachines.ts";
import type { Logger } from "../ports/logger.ts";
import type { Manager } from "../ports/manager.ts";
import { bodyFromError, ERROR_STATUS } from "./errors.ts";
import { serveDockerMachines } from "./dockerMachines.ts";
import { KEY_HEADER } from "./keyHeader.ts";
import { limitBody } from "./limitBody.ts";
import { describeApi } from "./document.ts";
import type { Env } from "./responses.ts";
import { clientOf, sendBytes } from "./responses.ts";
import * as explain from "./routes/explain.ts";
import * as jobs from "./routes/jobs.ts";
import * as leases from "./routes/leases.ts";
import * as operator from "./routes/operator.ts";
import * as pipelines from "./routes/pipelines.ts";
import * as stages from "./routes/stages.ts";
import { runLines } from "./runLines.ts";

export interface AppDeps {
  readonly manager: Manager;
  readonly logger: Logger;
  readonly version: string;
  /** @default none are held here */
  readonly dockerMachines?: DockerMachines | undefined;
  /** What is told to Prometheus. @default nothing */
  readonly metrics?: (() => Promise<{ readonly type: string; readonly text: string }>) | undefined;
}

/** Joins the routes to a manager. */
export function createApp({ manager, logger, version, dockerMachines, metrics }: AppDeps): OpenAPIHono<Env> {
  const app = new OpenAPIHono<Env>({
    defaultHook: (result) => {
      if (result.success) return;
      const problems = result.error.issues.map(({ path, message }) => ({
        place: [result.target, ...path].join("."),
        message,
      }));
      throw new ConfigError(problems, "request-invalid");
    },
  });
  app.onError((error, c) => answerError(error, c, logger));
  app.notFound((c) => {
    const message = `this mayfly daemon (${version}) does not know ${c.req.method} ${c.req.path}; is the client of another version?`;
    return c.json(bodyFromError(new SystemError("unknown-route", message)), 404);
  });
  app.use("/v1/*", async (c, next) => {
    if (c.req.path === jobs.putArchive.path) return next();
    return limitBody(c, next);
  });
  serveOperator(app, manager);
  serveLeases(app, manager);
  serveJobs(app, manager);
  serveStages(app, manager);
  serveDockerMachines(app, dockerMachines);
  if (metrics !== undefined) {
    app.get("/metrics", async (c) => {
      const { type, text } = await metrics();
      return c.body(text, 200, { "content-type": type });
    });
  }
  describeApi(app, version);
  return app;
}

function serveOperator(app: OpenAPIHono<Env>, manager: Manager): void {
  app.openapi(operator.health, async (c) => c.json(await manager.health(), 200));
  app.openapi(operator.reloadConfig, async (c) => c.json(await manager.reloadConfig(), 200));
  app.openapi(operator.diffConfig, async (c) => {
    const { text, fileName } = c.req.valid("json");
    return c.json(await manager.diffConfig(text, fileName), 200);
  });
  app.openapi(operator.pools, async (c) => c.json(await manager.pools(), 200));
  app.openapi(operator.pool, async (c) => c.json(await manager.pool(c.req.valid("param").name), 200));
  app.openapi(explain.poolShadows, async (c) => c.json(await manager.poolShadows(c.req.valid("param").name), 200));
  app.openapi(explain.poolWhy, async (c) => c.json(await manager.poolWhy(c.req.valid("param").name), 200));
  app.openapi(operator.cordonPool, async (c) => c.json(await manager.cordonPool(c.req.valid("param").name), 200));
  app.openapi(operator.drainPool, async (c) => c.json(await manager.drainPool(c.req.valid("param").name), 200));
  app.openapi(operator.resumePool, async (c) => c.json(await manager.resumePool(c.req.valid("param").name), 200));
  app.openapi(operator.cordonAll, async (c) => c.json(await manager.cordonAll(), 200));
  app.openapi(operator.drainAll, async (c) => c.json(await manager.drainAll(), 200));
  app.openapi(operator.resumeAll, async (c) => c.json(await manager.resumeAll(), 200));
  app.openapi(operator.machines, async (c) => c.json(await manager.machines(c.req.valid("query").all), 200));
  app.openapi(operator.machine, async (c) =>
    c.json(await manager.machine(machineIdFrom(c.req.valid("param").id)), 200),
  );
  app.openapi(operator.terminateMachine, async (c) =>
    c.json(await manager.terminateMachine(machineIdFrom(c.req.valid("param").id)), 200),
  );
  app.openapi(operator.auditInstances, async (c) => c.json(await manager.auditInstances(clientOf(c)), 200));
  app.openapi(operator.reapStrangers, async (c) => c.json(await manager.reapStrangers(clientOf(c)), 200));
  app.openapi(operator.execOnMachine, needsUpgrade);
}

function serveLeases(app: OpenAPIHono<Env>, manager: Manager): void {
  app.openapi(leases.acquireLease, async (c) => c.json(await manager.acquireLease(c.req.valid("json"), keyOf(c)), 200));
  app.openapi(leases.leases, async (c) => c.json(await manager.leases(c.req.valid("query").all), 200));
  app.openapi(leases.awaitLease, async (c) => {
    const { waitMs, knownWhy } = c.req.valid("query");
    return c.json(await manager.awaitLease(leaseIdFrom(c.req.valid("param").id), waitMs, knownWhy, clientOf(c)), 200);
  });
  app.openapi(leases.renewLease, async (c) =>
    c.json(await manager.renewLease(leaseIdFrom(c.req.valid("param").id)), 200),
  );
  app.openapi(leases.releaseLease, async (c) =>
    c.json(await manager.releaseLease(leaseIdFrom(c.req.valid("param").id)), 200),
  );
  app.openapi(leases.runOnLease, async (c) => {
    const { command, stdin } = c.req.valid("json");
    const gone = clientOf(c);
    const running = await manager.execOnLease(leaseIdFrom(c.req.valid("param").id), command, {}, gone);
    return sendBytes(c, runLines(running, stdin), "application/x-ndjson", gone);
  });
  app.openapi(leases.execOnLease, needsUpgrade);
  app.openapi(leases.forwardEngine, needsUpgrade);
}

/** The key that came with a request, checked by its route. */
const keyOf = (c: Context<Env>): string | undefined => c.req.header(KEY_HEADER);

function serveJobs(app: OpenAPIHono<Env>, manager: Manager): void {
  app.openapi(jobs.putArchive, async (c) =>
    c.json({ archiveId: await manager.putArchive(c.env.incoming, clientOf(c)) }, 200),
  );
  app.openapi(jobs.submitJob, async (c) => c.json(await manager.submitJob(c.req.valid("json"), keyOf(c)), 200));
  app.openapi(pipelines.announcePipeline, async (c) =>
    c.json(await manager.announcePipeline(c.req.valid("param").id, c.req.valid("json")), 200),
  );
  app.openapi(jobs.jobs, async (c) => c.json(await manager.jobs(c.req.valid("query").all), 200));
  app.openapi(jobs.job, async (c) => c.json(await manager.job(jobIdFrom(c.req.valid("param").id)), 200));
  app.openapi(jobs.awaitJob, async (c) => {
    const { waitMs } = c.req.valid("query");
    return c.json(await manager.awaitJob(jobIdFrom(c.req.valid("param").id), waitMs, clientOf(c)), 200);
  });
  app.openapi(jobs.cancelJob, async (c) =>
    c.json(await manager.cancelJob(jobIdFrom(c.req.valid("param").id), c.req.valid("query").force), 200),
  );
  app.openapi(jobs.jobEvents, async (c) => c.json(await manager.jobEvents(jobIdFrom(c.req.valid("param").id)), 200));
  app.openapi(explain.jobWhy, async (c) => c.json(await manager.jobWhy(jobIdFrom(c.req.valid("param").id)), 200));
  app.openapi(jobs.jobLog, async (c) => {
    const { offset, follow } = c.req.valid("query");
    const gone = clientOf(c);
    const bytes = manager.jobLog(jobIdFrom(c.req.valid("param").id), offset, follow, gone);
    return sendBytes(c, bytes, "application/octet-stream", gone);
  });
}

function serveStages(app: OpenAPIHono<Env>, manager: Manager): void {
  app.openapi(stages.startStage, async (c) =>
    c.json(await manager.startStage(jobIdFrom(c.req.valid("param").id), c.req.valid("json"), keyOf(c)), 200),
  );
  app.openapi(stages.awaitStage, async (c) => {
    const { id, number } = c.req.valid("param");
    return c.json(
      await manager.awaitStage(jobIdFrom(id), Number(number), c.req.valid("query").waitMs, clientOf(c)),
      200,
    );
  });
  app.openapi(stages.stopStage, async (c) => {
    const { id, number } = c.req.valid("param");
    return c.json(await manager.stopStage(jobIdFrom(id), Number(number)), 200);
  });
  app.openapi(stages.stageLog, async (c) => {
    const { id, number } = c.req.valid("param");
    const gone = clientOf(c);
    const bytes = manager.stageLog(jobIdFrom(id), Number(number), c.req.valid("query").offset, gone);
    return sendBytes(c, bytes, "application/octet-stream", gone);
  });
  app.openapi(stages.finishJob, async (c) => c.json(await manager.finishJob(jobIdFrom(c.req.valid("param").id)), 200));
}

function needsUpgrade(): never {
  throw new ConfigError([{ place: "request", message: "Expected an Upgrade header, got none" }], "upgrade-required");
}

function answerError(error: Error, c: Context<Env>, logger: Logger): Response {
  const body = bodyFromError(error);
  if (body.kind === "bug" && !c.env.outgoing.destroyed) {
    logger.error({ err: error, method: c.req.method, path: c.req.path }, "request failed");
  }
  // Whatever of an upload is still on its way makes room for the answer.
  c.env.incoming.resume();
  return c.json(body, ERROR_STATUS[body.kind]);
}
