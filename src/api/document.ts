import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Env } from "hono";

const DESCRIPTION = `The control API of one mayfly manager: over HTTP on a unix socket that only the manager's user may open and, where it is configured, over
TLS to whoever has the token; there a request without it is answered with 401.

A lease is one holder's exclusive, expiring hold on one fresh machine: acquire it, await it, run on it, release it, and the
machine ends. A lease that is not renewed within its time to live lapses, and its machine ends too.`;

const TAGS = [
  { name: "leases", description: "Hold a fresh machine, and run on it" },
  { name: "jobs", description: "Have a script run on a fresh machine, followed to its end by the manager" },
  { name: "pools", description: "Machines of one shape, with one policy" },
  { name: "machines", description: "What was launched, and what the providers show" },
  {
    name: "docker-machine",
    description: "Machines that are held for directories of docker-machine, and end with them",
  },
  { name: "manager", description: "The manager itself" },
];

/** What the document says of the API as a whole. */
const overview = (version: string) => ({
  openapi: "3.1.0",
  info: {
    title: "mayfly",
    version,
    description: DESCRIPTION,
    license: { name: "MIT", identifier: "MIT" },
  },
  // The name is for the Host header alone: the connection is the socket's.
  servers: [
    { url: "http://mayfly", description: "Over the unix socket" },
    {
      url: "https://{listen}",
      description: "Over TLS, with a token",
      variables: { listen: { default: "127.0.0.1:8443" } },
    },
  ],
  security: [{}, { token: [] }],
  tags: TAGS,
});

/** Serves the document of all routes that an app has by now. It is made from the schemas that check the requests. */
export function describeApi<E extends Env>(app: OpenAPIHono<E>, version: string): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "token", {
    ...{ type: "http", scheme: "bearer", description: "Over TCP alone: the token of `api.token_file`" },
  });
  app.doc31("/v1/openapi.json", overview(version));
}
