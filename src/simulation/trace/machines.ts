import type { Clock } from "../../ports/clock.ts";
import type { Channel } from "../../ports/channel.ts";
import type { Driver, Instance } from "../../ports/driver.ts";
import type { Guest, MachineKeys } from "../../ports/guest.ts";
import { createSimulatedEngine, quietContainer } from "../engine.ts";

/** The machines' side of a replayed trace: a provider that always has room, and guests that boot in a given time. */
export interface TraceMachines {
  readonly driver: Driver;
  readonly guest: Guest;
}

/** Creates machines of which nothing ever fails. @param bootMsOf the boot time of the n-th machine launched, in milliseconds */
export function createTraceMachines(clock: Clock, bootMsOf: (order: number) => number): TraceMachines {
  const instances = new Map<string, Instance>();
  const bootMsByHost = new Map<string, number>();
  let launched = 0;
  const engine = createSimulatedEngine(quietContainer, new AbortController().signal);
  const unplayed = (): never => {
    throw new Error("nothing runs on the machines of a replayed trace");
  };

  const driver: Driver = {
    name: "simulated",
    capabilities: { watch: true },
    async launch({ machineId, poolName }) {
      const host = String(launched);
      bootMsByHost.set(host, bootMsOf(launched++));
      const address = { host, port: 22 };
      const launchedAt = clock.now();
      const instance = { providerId: host, machineId, poolName, launchedAt, state: "running", address } as const;
      instances.set(host, instance);
      return instance;
    },
    list: async () => [...instances.values()],
    async terminate(providerIds) {
      for (const id of providerIds) {
        instances.delete(id);
        bootMsByHost.delete(id);
      }
    },
    close: async () => undefined,
  };
  const guest: Guest = {
    createKeys: () => KEYS,
    seedFrom: async () => ({ userData: "", metaData: "" }),
    async connect({ host }, _keys, _settings, signal) {
      const bootMs = bootMsByHost.get(host) ?? 0;
      if (bootMs > 0) await clock.sleep(bootMs, signal);
      return { channel: createChannel(), engine };
    },
    probe: async () => undefined,
    seal: unplayed,
    sealAgain: unplayed,
    settle: unplayed,
    watchNotices: unplayed,
  };
  const createChannel = (): Channel => {
    const { promise, resolve } = Promise.withResolvers<string>();
    return { closed: promise, close: () => resolve("closed by us"), exec: unplayed, forward: unplayed };
  };
  return { driver, guest };
}

const KEYS: MachineKeys = {
  host: { publicKey: "", privateKey: "" },
  client: { publicKey: "", privateKey: "" },
};
