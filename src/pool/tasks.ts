import type { MachineId } from "../domain/ids.ts";
import type { Logger } from "../ports/logger.ts";

/** Effects that run beside the loop, each under a name; none is ever left floating. */
export interface TaskSet {
  /** Starts `run` unless a task of that name is running, or the set is closed. A failure is a bug by then, and logged as one. */
  start(name: string, run: (signal: AbortSignal) => Promise<void>): void;
  /** Asks one task to end, for the reason that is made. Not running is success. */
  abort(name: string, reason: () => Error): void;
  isRunning(name: string): boolean;
  /** Resolves when the named task, if any, has ended. */
  settled(name: string): Promise<void>;
  /** Aborts all and resolves when all have ended; nothing starts any more. */
  close(): Promise<void>;
}

/** The name under which a machine's launch runs. */
export const launchTask = (id: MachineId): string => `launch ${id}`;
/** The name under which a machine of an earlier run is reached again. */
export const adoptTask = (id: MachineId): string => `adopt ${id}`;
/** The name under which a machine's boot runs. */
export const bootTask = (id: MachineId): string => `boot ${id}`;

/** The name under which a machine's stop runs. */
export const stopTask = (id: MachineId): string => `stop ${id}`;
/** The name under which a stopped machine's start runs. */
export const startTask = (id: MachineId): string => `start ${id}`;

/** Creates an empty set. */
export function createTaskSet(logger: Logger): TaskSet {
  const running = new Map<string, { readonly controller: AbortController; readonly ended: Promise<void> }>();

  let isClosed = false;

  return {
    start(name, run) {
      if (isClosed || running.has(name)) return;
      const controller = new AbortController();
      const ended = run(controller.signal)
        .catch((error: unknown) => {
          if (!controller.signal.aborted) logger.error({ task: name, err: error }, "task failed");
        })
        .finally(() => running.delete(name));
      running.set(name, { controller, ended });
    },
    abort(name, reason) {
      running.get(name)?.controller.abort(reason());
    },
    isRunning: (name) => running.has(name),
    async settled(name) {
      await running.get(name)?.ended;
    },
    async close() {
      isClosed = true;
      for (const { controller } of running.values()) controller.abort(new Error("the manager is stopping"));
      await Promise.all([...running.values()].map((task) => task.ended));
    },
  };
}
