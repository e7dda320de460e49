import { join, resolve } from "node:path";
import type { QemuDeps, QemuOptions } from "./options.ts";
import type { Watcher } from "./watch.ts";
import { createWatcher } from "./watch.ts";

/** A launch that has not come to its end. */
interface Launching {
  readonly controller: AbortController;
  readonly ended: Promise<void>;
}

/** What the verbs of one driver object share. The truth itself is in folders and the process table. */
export interface QemuContext {
  readonly options: QemuOptions;
  readonly deps: QemuDeps;
  /** Holds a folder an instance. */
  readonly root: string;
  readonly watcher: Watcher;
  readonly launching: Map<string, Launching>;
  readonly ending: Set<string>;
  /** Runs one admission at a time, so that two launches never count the same room as free. */
  readonly admit: <T>(run: () => Promise<T>) => Promise<T>;
}

/** Creates the context; touches nothing yet. */
export function createContext(options: QemuOptions, deps: QemuDeps): QemuContext {
  let last: Promise<unknown> = Promise.resolve();
  return {
    options,
    deps,
    root: join(resolve(options.stateDir), "qemu"),
    watcher: createWatcher(deps),
    launching: new Map(),
    ending: new Set(),
    admit(run) {
      const next = last.then(run, run);
      last = next.catch(() => undefined);
      return next;
    },
  };
}
