import { leaseIdFrom, machineIdFrom } from "../../src/domain/ids.ts";
import type { JobService, JobSpec } from "../../src/domain/job.ts";
import type { Channel } from "../../src/ports/channel.ts";
import type { Engine } from "../../src/ports/engine.ts";
import type { HeldMachine } from "../../src/ports/leases.ts";
import type { Logger } from "../../src/ports/logger.ts";

/** A job that does nothing, with what the test changes. */
export function jobSpec(changes: Partial<JobSpec> = {}): JobSpec {
  return {
    name: "test job",
    poolName: "small",
    holder: "test",
    services: [],
    variables: {},
    beforeScript: [],
    script: ["true"],
    afterScript: [],
    echoCommands: false,
    ...changes,
  };
}

/** A service under the names that follow from its image. */
export function jobService(name: string, changes: Partial<JobService> = {}): JobService {
  return { name, aliases: [], variables: {}, ...changes };
}

/** A machine in the hands of a test. */
export function heldMachine(channel: Channel, changes: Partial<HeldMachine> = {}): HeldMachine {
  return {
    leaseId: leaseIdFrom("lease-1"),
    machineId: machineIdFrom("machine-1"),
    channel,
    engine: noEngine,
    guestSettings: { user: "runner", docker: "dind", dataRoot: "/var/lib/docker" },
    lost: new AbortController().signal,
    ...changes,
  };
}

const noEngine = new Proxy({} as Engine, {
  get: (_target, name) => () => Promise.reject(new Error(`no engine here to ${String(name)}`)),
});

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
