import type { Driver } from "../../ports/driver.ts";
import { readConsole } from "./console.ts";
import { createContext } from "./context.ts";
import { launchInstance } from "./launch.ts";
import { listInstances } from "./list.ts";
import type { QemuDeps, QemuOptions } from "./options.ts";
import { terminateInstances } from "./terminate.ts";

/**
 * Creates a driver of QEMU machines on this very host. Instances outlive it and the process; another driver on the same
 * state directory, for the same owner, finds them again. One driver at a time may use a state directory for an owner.
 */
export function createQemuDriver(options: QemuOptions, deps: QemuDeps): Driver {
  const context = createContext(options, deps);
  return {
    name: "qemu",
    capabilities: { watch: true, listLagMs: 0 },
    launch: (spec, token, signal) => launchInstance(context, spec, token, signal),
    list: (signal) => listInstances(context, signal),
    terminate: (providerIds, signal) => terminateInstances(context, providerIds, signal),
    readConsole: (providerId, signal) => readConsole(context, providerId, signal),
    watch({ onGone }) {
      // Adopts the instances of an earlier driver. The caller's own next list() does it again.
      listInstances(context, new AbortController().signal).catch((err: unknown) => {
        deps.logger.warn({ err }, "could not look for instances to watch");
      });
      return context.watcher.subscribe(onGone);
    },
    close: async () => {
      await Promise.all([context.golden.close(), context.watcher.close()]);
    },
  };
}
