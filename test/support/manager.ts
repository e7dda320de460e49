import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApiClient } from "../../src/api/client.ts";
import { startApiServer } from "../../src/api/server.ts";
import type { Manager } from "../../src/ports/manager.ts";
import { silentLogger } from "./jobs.ts";

/** A manager that answers what the test says, and fails at all else. */
export function fakeManager(answers: Partial<Manager>): Manager {
  return new Proxy(answers as Manager, {
    get(target, name) {
      const answer = Reflect.get(target, name) as unknown;
      return answer ?? (() => Promise.reject(new Error(`the test's manager cannot ${String(name)}`)));
    },
  });
}

/** A manager behind a real socket, until it is disposed of. */
export interface ServedManager extends AsyncDisposable {
  readonly socketPath: string;
  /** Speaks to it through that socket. */
  readonly client: Manager;
  /** Ends the server as a restart does: connections break, and nobody answers at the socket. */
  goAway(): Promise<void>;
  /** Serves the same manager at the same socket again. */
  comeBack(): Promise<void>;
}

/** Serves a manager that answers what the test says. */
export async function serveManager(answers: Partial<Manager>, logger = silentLogger): Promise<ServedManager> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-api-"));
  const socketPath = join(folder, "mayfly.sock");
  const start = () => startApiServer({ manager: fakeManager(answers), socketPath, logger, version: "1.2.3" });
  let server = await start();
  return {
    socketPath,
    client: createApiClient(socketPath),
    goAway: () => server.close(),
    async comeBack() {
      server = await start();
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
