import type { Clock } from "../../ports/clock.ts";
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
  subscribe(onGone: (providerId: string, detail: string) => void): () => void;
  close(): Promise<void>;
}

/** Creates a watcher over QEMU's control sockets: the kernel closes them with the process, however it ends. */
export function createWatcher(clock: Clock): Watcher {
  const watches = new Map<string, { readonly controller: AbortController; readonly ended: Promise<void> }>();
  const listeners = new Set<(providerId: string, detail: string) => void>();

  const waitForEnd = async (
    folder: string,
    process: QemuProcess,
    first: QmpConnection | undefined,
    signal: AbortSignal,
  ): Promise<string> => {
    let detail = KILLED;
    let connection = first;
    for (;;) {
      connection ??= await connectQmp(folder, signal).catch(() => undefined);
      if (connection !== undefined) detail = await endOf(connection, signal);
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
      const ended = waitForEnd(folder, process, connection, controller.signal)
        .then((detail) => {
          for (const listener of [...listeners]) listener(providerId, detail);
        })
        .catch((error: unknown) => {
          if (!controller.signal.aborted) throw error;
        })
        .finally(() => watches.delete(providerId));
      watches.set(providerId, { controller, ended });
    },
    detach,
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
