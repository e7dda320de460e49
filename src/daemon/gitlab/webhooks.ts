import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { limitBody } from "../../api/limitBody.ts";
import { ConfigError, ConflictError, SystemError } from "../../domain/errors.ts";
import type { Heard } from "./hooks.ts";
import { heardFrom } from "./hooks.ts";

/** GitLab's own bound of what it sends is 25 MB; a pipeline of a thousand jobs takes about 1 MB. */
const MAX_BODY_BYTES = 8 * 2 ** 20;
/** GitLab gives up after 10 s. */
const HTTP_OPTIONS = { requestTimeout: 10_000, headersTimeout: 5_000 };
const MAX_CONNECTIONS = 64;

/** Where GitLab sends its webhooks. */
const WEBHOOK_PATH = "/gitlab";

export interface WebhookHandlers {
  /** Tells whether a request carries the webhooks' secret token. */
  readonly isToken: (sent: string) => Promise<boolean>;
  readonly onHeard: (heard: Heard) => void;
  readonly onRefused: () => void;
}

export interface WebhookServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Takes webhooks, answers at once and in words: GitLab shows them to whoever looks at the webhook, and sends none for a while to
 * who fails four times in a row. The token is looked at before the body.
 * Source: https://docs.gitlab.com/user/project/integrations/webhooks/
 */
function createWebhookApp({ isToken, onHeard, onRefused }: WebhookHandlers): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.onError((error, c) =>
    error instanceof ConfigError ? c.text(`${error.message}\n`, 413) : c.text("mayfly failed; see its log\n", 500),
  );
  app.notFound((c) => c.text(`mayfly takes GitLab's webhooks by POST at ${WEBHOOK_PATH}\n`, 404));
  app.use(WEBHOOK_PATH, async (c, next) => {
    if (c.req.method !== "POST") return c.text(`Expected POST, got ${c.req.method}\n`, 405, { allow: "POST" });
    if (await isToken(c.req.header("x-gitlab-token") ?? "")) return limitBody(c, next, MAX_BODY_BYTES);
    onRefused();
    const text = "Expected the secret token of gitlab.webhook_token_file in X-Gitlab-Token\n";
    // Whatever else it was going to send is not read.
    return c.text(text, 401, { connection: "close" });
  });
  app.post(WEBHOOK_PATH, async (c) => {
    const heard = heardFrom(await c.req.text());
    onHeard(heard);
    if (heard.what === "invalid") return c.text(`${heard.why}\n`, 400);
    return c.text(heard.what === "other" ? `passed over: mayfly looks at pipelines and jobs alone\n` : "taken\n");
  });
  return app;
}

/** @throws ConflictError `port-in-use`; SystemError `port-unusable`. */
export async function serveWebhooks(
  handlers: WebhookHandlers,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<WebhookServer> {
  const app = createWebhookApp(handlers);
  const server = createServer(HTTP_OPTIONS, getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const at = `gitlab.listen ${host}:${port}`;
    if (code === "EADDRINUSE") throw new ConflictError("port-in-use", `${at} is in use by another program`);
    throw new SystemError("port-unusable", `cannot listen on ${at} (${code})`, { cause: error });
  }
  return { port: (server.address() as AddressInfo).port, close: () => closed(server) };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
