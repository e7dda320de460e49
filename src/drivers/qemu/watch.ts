import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { QemuProcess } from "./processes.ts";
import { isAlive } from "./processes.ts";
import type { QmpConnection } from "./qmp.ts";
import { connectQmp, KILLED } from "./qmp.ts";

/** How soon a process is looked at again when its control socket cannot be had. In milliseconds. */
const LOOK_AGAIN_MS = 200;

/** Notices the end of processes. */
export interface Watcher {
  /** Watches an instance until its end is told or `detach`ed. Watched already is success. */
  attach(providerId: string, folder: string, process: QemuProcess, connection?: QmpConnection): void;
  /** What happens to the instance from now on is expected. Resolves once nothing of the watch is left. */
  detach(providerId: string): Promise<void>;
  /** The control connection of a watched instance, while there is one. */
  connectionOf(providerId: string): QmpConnection | undefined;
  subscribe(onGone: (providerId: string, detail: string) => void): () => void;
  close(): Promise<void>;
}

/** Creates a watcher over QEMU's control sockets: the kernel closes them with the process, however it ends. */
export function createWatcher({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }): Watcher {
  const connections = new Map<string, QmpConnection>();
  const watches = new Map<string, { readonly controller: AbortController; readonly ended: Promise<void> }>();
  const listeners = new Set<(providerId: string, detail: string) => void>();

  const waitForEnd = async (
    providerId: string,
    folder: string,
    process: QemuProcess,
    first: QmpConnection | undefined,
    signal: AbortSignal,
  ): Promise<string> => {
    let detail = KILLED;
    let connection = first;
    for (;;) {
      connection ??= await connectQmp(folder, signal).catch(() => undefined);
      if (connection !== undefined) {
        connections.set(providerId, connection);
        detail = await endOf(connection, signal);
        connections.delete(providerId);
      }
      connection = undefined;
      signal.throwIfAborted();
      if (!(await isAlive(process))) return detail;
      await clock.sleep(LOOK_AGAIN_MS, signal);
    }
  };

  const detach = async (providerId: string): Promise<void> => {
    const watch = watches.get(providerId);
    watch?.controller.abort();
    await watch?.ended;
  };

  return {
    attach(providerId, folder, process, connection) {
      if (watches.has(providerId)) return connection?.close();
      const controller = new AbortController();
      const ended = waitForEnd(providerId, folder, process, connection, controller.signal)
        .then((detail) => {
          for (const listener of [...listeners]) listener(providerId, detail);
        })
        .catch((err: unknown) => {
          // The next list() finds it unwatched and starts anew.
          if (!controller.signal.aborted) logger.warn({ providerId, err }, "could not go on watching an instance");
        })
        .finally(() => watches.delete(providerId));
      watches.set(providerId, { controller, ended });
    },
    detach,
    connectionOf: (providerId) => connections.get(providerId),
    subscribe(onGone) {
      listeners.add(onGone);
      return () => void listeners.delete(onGone);
    },
    async close() {
      listeners.clear();
      await Promise.all([...watches.keys()].map(detach));
    },
  };
}

async function endOf(connection: QmpConnection, signal: AbortSignal): Promise<string> {
  const close = (): void => connection.close();
  signal.addEventListener("abort", close, { once: true });
  if (signal.aborted) close();
  try {
    return await connection.ended;
  } finally {
    signal.removeEventListener("abort", close);
  }
}
