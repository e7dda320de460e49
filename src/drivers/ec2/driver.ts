import { SystemError } from "../../domain/errors.ts";
import type { Driver } from "../../ports/driver.ts";
import { readConsole } from "./console.ts";
import { createContext, idsFrom } from "./context.ts";
import { watchInterruptions } from "./interruptions.ts";
import { launchInstance } from "./launch.ts";
import { launchTogether } from "./launchTogether.ts";
import { listLeftovers, removeLeftover } from "./leftovers.ts";
import type { LeftoverSites } from "./leftovers.ts";
import { listInstances } from "./list.ts";
import type { Ec2Deps, Ec2Options } from "./options.ts";
import { startInstance } from "./start.ts";
import { MACHINES_OF_ONE_CALL } from "./tags.ts";
import { stopInstances } from "./stop.ts";
import { terminateInstances } from "./terminate.ts";

/**
 * Creates a driver of EC2 instances in the regions of its sites. It keeps nothing that matters: another driver for the same
 * owner finds what this one launched by its tags. One driver at a time may launch for an owner.
 */
export function createEc2Driver(options: Ec2Options, deps: Ec2Deps): Driver {
  const context = createContext(options, deps);
  const leftoverSites: LeftoverSites = new Map();
  return {
    name: "ec2",
    // Rates are per action, and kept beside the calls.
    capabilities: {
      watch: false,
      showsSeed: true,
      givesNotices: (shape) => shape.driver === "ec2" && shape.market !== "on-demand",
    },
    launch: (spec, token, signal) => launchInstance(context, spec, token, signal),
    list: (signal) => listInstances(context, signal),
    terminate: (providerIds, signal) => terminateInstances(context, providerIds, signal),
    listLeftovers: (signal) => listLeftovers(context, leftoverSites, signal),
    removeLeftover: (id, signal) => removeLeftover(leftoverSites, id, signal),
    together: {
      maxMachines: MACHINES_OF_ONE_CALL,
      launch: (spec, token, signal) => launchTogether(context, spec, token, signal),
      // cloud-init's own word for it, and EC2's.
      nameOf: (providerId) => idsFrom(providerId)?.instanceId ?? "",
    },
    power: {
      stop: (providerIds, signal) => stopInstances(context, providerIds, signal),
      start: (spec, signal) => startInstance(context, spec, signal),
    },
    readConsole: (providerId, signal) => readConsole(context, providerId, signal),
    watch: (watcher) => watchInterruptions(context, watcher),
    async close() {
      context.closing.abort(new SystemError("driver-closed", "the EC2 driver was closed"));
      for (const site of context.sites.values()) site.close();
    },
  };
}
