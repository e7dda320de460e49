import type { EpochMs } from "../../domain/ids.ts";
import type { Driver, DriverWatcher, Instance, LaunchSpec, Power, StartSpec } from "../../ports/driver.ts";
import type { ProviderInstance } from "../provider.ts";
import type { ManagerProcess } from "./process.ts";
import type { World } from "./world.ts";

/** What the provider says to one who asks too often. */
export const THROTTLED = "request limit exceeded";

/** The provider's side of the calls. */
export interface Calls extends Power {
  launch(spec: LaunchSpec, token: string, signal: AbortSignal): Promise<Instance>;
  list(signal: AbortSignal): Promise<readonly Instance[]>;
  terminate(providerIds: readonly string[], signal: AbortSignal): Promise<void>;
  watch(watcher: DriverWatcher): () => void;
  /** Tells all watchers that an instance will be taken back. */
  giveNotice(instance: ProviderInstance, takenAt: EpochMs): void;
}

/** Waits for ever, as one does whose answer is lost. */
export const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });

/** The driver of one process, which goes with it. */
export function driverOf(world: World, calls: Calls, process: ManagerProcess): Driver {
  const { watch, callBudget, stopMs } = world.day.provider;
  return {
    name: "simulated",
    capabilities: { watch, callBudget },
    launch: (spec, token, signal) => process.call("driver.launch", () => calls.launch(spec, token, signal)),
    list: (signal) => process.call("driver.list", () => calls.list(signal)),
    terminate: (ids, signal) => process.call("driver.terminate", () => calls.terminate(ids, signal)),
    ...(stopMs && {
      power: {
        stop: (ids: readonly string[], signal: AbortSignal) =>
          process.call("driver.stop", () => calls.stop(ids, signal)),
        start: (spec: StartSpec, signal: AbortSignal) => process.call("driver.start", () => calls.start(spec, signal)),
      },
    }),
    ...(watch && { watch: (watcher: DriverWatcher) => watchFrom(process, watcher, calls.watch) }),
    close: async () => undefined,
  };
}

/** Lets a process hear what is told, for as long as it lives and whenever it does not stand still. */
function watchFrom(process: ManagerProcess, watcher: DriverWatcher, watch: Calls["watch"]): () => void {
  const stop = watch({
    onGone: (...news) => process.deliver(() => watcher.onGone(...news)),
    onInterruption: (...news) => process.deliver(() => watcher.onInterruption?.(...news)),
  });
  process.onDeath(stop);
  return stop;
}
