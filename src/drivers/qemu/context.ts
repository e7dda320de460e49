import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { checkGoldenRoom } from "./capacity.ts";
import { createGate } from "./gate.ts";
import type { Gate } from "./gate.ts";
import { createGoldenStates } from "./golden/states.ts";
import type { GoldenStates } from "./golden/states.ts";
import type { QemuDeps, QemuOptions } from "./options.ts";
import { createVersionReader } from "./version.ts";
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
  readonly golden: GoldenStates;
  /** The first line of `--version`. */
  readonly qemuVersion: (signal: AbortSignal) => Promise<string>;
  /** Ends what an earlier process left of golden states, the first time that it is called. */
  readonly sweepOnce: () => Promise<void>;
  readonly launching: Map<string, Launching>;
  readonly ending: Set<string>;
  /** Runs one admission at a time, so that two launches never count the same room as free. */
  readonly admit: <T>(run: () => Promise<T>) => Promise<T>;
  /**
   * As many restorations at a time as there are processors: each keeps one busy until it is awake, so that more at once would make
   * all of them late, and none sooner. Their deadlines begin inside.
   */
  readonly restorations: Gate;
}

/** Creates the context; touches nothing yet. */
export function createContext(options: QemuOptions, deps: QemuDeps): QemuContext {
  let last: Promise<unknown> = Promise.resolve();
  let swept: Promise<void> | undefined;
  const context: QemuContext = {
    options,
    deps,
    root: join(resolve(options.stateDir), "qemu"),
    watcher: createWatcher(deps),
    golden: createGoldenStates(options.imagesDir, {
      ...deps,
      checkRoom: ({ shape }) => checkGoldenRoom(context, shape),
    }),
    sweepOnce() {
      swept ??= context.golden.sweep().catch((err: unknown) => {
        deps.logger.warn({ err }, "could not look for templates of an earlier run");
      });
      return swept;
    },
    qemuVersion: createVersionReader(),
    launching: new Map(),
    ending: new Set(),
    restorations: createGate(availableParallelism()),
    admit(run) {
      const next = last.then(run, run);
      last = next.catch(() => undefined);
      return next;
    },
  };
  return context;
}
