import type { OpenAPIHono } from "@hono/zod-openapi";
import { SystemError } from "../domain/errors.ts";
import type { CreateEvent, DockerMachines } from "../ports/dockerMachines.ts";

import * as routes from "./routes/dockerMachines.ts";
import { bodyFromError } from "./errors.ts";
import type { ErrorBody } from "./errors.ts";
import { clientOf, sendBytes } from "./responses.ts";
import type { Env } from "./responses.ts";

/** One line of the answer to a create. */
export type CreateLine = CreateEvent | { readonly kind: "error"; readonly error: ErrorBody };

/** Joins the routes of docker-machine to the machines that are held for it. */
export function serveDockerMachines(app: OpenAPIHono<Env>, machines: DockerMachines = nowhere): void {
  app.openapi(routes.dockerMachines, async (c) => c.json(await machines.list(), 200));
  app.openapi(routes.createDockerMachine, async (c) => {
    const gone = clientOf(c);
    const events = machines.create(c.req.valid("json"), gone);
    return sendBytes(c, linesFrom(events), "application/x-ndjson", gone);
  });
  app.openapi(routes.keepDockerMachine, async (c) => c.json(await machines.keep(c.req.valid("param").id), 200));
  app.openapi(routes.probeDockerMachine, async (c) =>
    c.json(await machines.probe(c.req.valid("param").id, clientOf(c)), 200),
  );
  app.openapi(routes.removeDockerMachine, async (c) => {
    await machines.remove(c.req.valid("param").id);
    return c.json({}, 200);
  });
}

/** What fails before the first line is answered as an error, what fails later is the last line. */
async function* linesFrom(events: AsyncIterable<CreateEvent>): AsyncGenerator<Uint8Array> {
  let hasBegun = false;
  try {
    for await (const event of events) {
      hasBegun = true;
      yield bytesFrom(event);
    }
  } catch (error) {
    if (!hasBegun) throw error;
    yield bytesFrom({ kind: "error", error: bodyFromError(error) });
  }
}

const bytesFrom = (line: CreateLine): Uint8Array => Buffer.from(`${JSON.stringify(line)}\n`);

const none = (): never => {
  throw new SystemError(
    "no-docker-machines",
    "this manager holds no machines for docker-machine; ask a `mayfly daemon`",
  );
};
const nowhere: DockerMachines = { create: none, keep: none, probe: none, remove: none, list: none };
