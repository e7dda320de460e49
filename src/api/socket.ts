import { lstat, mkdir, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { ConflictError, SystemError } from "../domain/errors.ts";

/** Nobody but the owner may speak to the socket, from its first instant. */
const SOCKET_UMASK = 0o177;
/** Longest wait for a sign of life from a daemon that may own the socket, in milliseconds. */
const PROBE_TIMEOUT_MS = 2_000;

/**
 * Makes a server listen on a unix socket of mode 0600; a folder that is missing is made with 0700. Replaces the socket
 * that a dead daemon left.
 * @throws ConflictError `socket-in-use` when a daemon answers there; SystemError when something else is in the way.
 */
export async function listenOnSocket(server: Server, socketPath: string): Promise<void> {
  await mkdir(dirname(socketPath), { recursive: true, mode: 0o700 });
  try {
    await listen(server, socketPath);
  } catch (error) {
    if (codeOf(error) !== "EADDRINUSE") throw unlistenable(socketPath, error);
    await clearStaleSocket(socketPath);
    await listen(server, socketPath).catch((again: unknown) => {
      throw unlistenable(socketPath, again);
    });
  }
}

async function clearStaleSocket(socketPath: string): Promise<void> {
  const stats = await lstat(socketPath);
  if (!stats.isSocket()) {
    throw new SystemError(
      "socket-blocked",
      `${socketPath} is there already and is no socket; move it or set api.socket`,
    );
  }
  if (await isAlive(socketPath)) {
    const message = `another mayfly daemon answers at ${socketPath}; stop it first, or give this one its own api.socket`;
    throw new ConflictError("socket-in-use", message);
  }
  await rm(socketPath, { force: true });
}

function listen(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const umask = process.umask(SOCKET_UMASK);
    try {
      // Binding happens inside this call, so that no other file is made under this mask.
      server.listen(socketPath, () => {
        server.off("error", reject);
        resolve();
      });
    } finally {
      process.umask(umask);
    }
  });
}

/** Tells whether anyone accepts connections there. Who neither accepts nor refuses is alive but busy. */
function isAlive(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const settle = (alive: boolean): void => {
      socket.destroy();
      resolve(alive);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, () => settle(true));
    socket.once("connect", () => settle(true));
    socket.once("error", (error) => settle(codeOf(error) !== "ECONNREFUSED" && codeOf(error) !== "ENOENT"));
  });
}

function unlistenable(socketPath: string, error: unknown): SystemError {
  const message = `cannot listen on ${socketPath} (${codeOf(error)}); set api.socket to a path that this user may write`;
  return new SystemError("socket-unusable", message, { cause: error });
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);
