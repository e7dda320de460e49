import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { json, text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { ConflictError } from "../../../src/domain/errors.ts";
import { openLocalChannel } from "../../support/localChannel.ts";
import type { LocalChannel } from "../../support/localChannel.ts";
import { serveManager } from "../../support/manager.ts";
import { until } from "../../support/until.ts";

const serveLocal = (channel: LocalChannel) => serveManager({ execOnLease: (_id, ...rest) => channel.exec(...rest) });

/** Asks as any HTTP client would. */
async function post(socketPath: string, body: unknown): Promise<IncomingMessage> {
  const headers = { "content-type": "application/json" };
  const asking = request({ socketPath, path: "/v1/leases/l-1/run", method: "POST", headers, agent: false });
  asking.on("error", () => undefined).end(JSON.stringify(body));
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  return response;
}

async function linesOf(response: IncomingMessage): Promise<unknown[]> {
  return (await text(response))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
}

const joined = (lines: readonly unknown[], name: "stdout" | "stderr"): string =>
  (lines as Record<string, string>[]).map((line) => line[name] ?? "").join("");

it("answers both outputs, and how the command ended in the last line", async () => {
  await using served = await serveLocal(openLocalChannel(tmpdir()));

  const response = await post(served.socketPath, { command: "cat; echo to stderr >&2; exit 7", stdin: "read me" });
  const lines = await linesOf(response);

  expect([response.statusCode, response.headers["content-type"]]).toEqual([200, "application/x-ndjson"]);
  expect([joined(lines, "stdout"), joined(lines, "stderr")]).toEqual(["read me", "to stderr\n"]);
  expect(lines.at(-1)).toEqual({ exitCode: 7 });
});

it("answers what was said before the command has ended", async () => {
  await using served = await serveLocal(openLocalChannel(tmpdir()));

  const response = await post(served.socketPath, { command: "echo first; sleep 60" });
  const [bytes] = (await once(response, "data")) as [Buffer];

  expect(bytes.toString()).toBe('{"stdout":"first\\n"}\n');
  response.destroy();
});

it("keeps a character together whose bytes come in two parts", async () => {
  await using served = await serveLocal(openLocalChannel(tmpdir()));

  const response = await post(served.socketPath, { command: `printf '\\303'; sleep 0.3; printf '\\244\\n'` });

  expect(joined(await linesOf(response), "stdout")).toBe("ä\n");
});

it("carries 4 MiB without losing any", async () => {
  await using served = await serveLocal(openLocalChannel(tmpdir()));

  const response = await post(served.socketPath, { command: "head -c 4194304 /dev/zero | tr '\\0' x" });

  expect(joined(await linesOf(response), "stdout")).toBe("x".repeat(4 * 2 ** 20));
});

it("says in the last line that the machine was lost", async () => {
  const channel = openLocalChannel(tmpdir());
  await using served = await serveLocal(channel);

  const response = await post(served.socketPath, { command: "echo begun; sleep 60" });
  response.once("data", () => channel.break("it is gone"));

  expect((await linesOf(response)).at(-1)).toEqual({
    error: { kind: "machine-lost", code: "channel-lost", message: "it is gone" },
  });
});

it("closes the command when the client goes away", async () => {
  const channel = openLocalChannel(tmpdir());
  let isClosed = false;
  await using served = await serveManager({
    async execOnLease(_id, ...rest) {
      const running = await channel.exec(...rest);
      const close = (): void => {
        isClosed = true;
        running.close();
      };
      return { ...running, close };
    },
  });

  const response = await post(served.socketPath, { command: "while echo again; do sleep 0.05; done" });
  await once(response, "data");
  response.destroy();

  await until("the process is closed", 10_000, async () => isClosed);
});

it("answers as an error what keeps the command from being started", async () => {
  await using served = await serveManager({
    execOnLease: () => Promise.reject(new ConflictError("lease-waiting", "it waits")),
  });

  const waiting = await post(served.socketPath, { command: "true" });
  const wrong = await post(served.socketPath, { comand: "true" });

  expect([waiting.statusCode, await json(waiting)]).toMatchObject([409, { code: "lease-waiting" }]);
  expect([wrong.statusCode, await json(wrong)]).toMatchObject([400, { code: "request-invalid" }]);
});
