import type { DesiredPool } from "../../src/domain/pool.ts";
import { adoptFleet } from "../../src/pool/adopt.ts";
import { createFleet } from "../../src/pool/fleet.ts";
import type { DesiredFleet, Fleet } from "../../src/pool/fleet.ts";
import { createLeases } from "../../src/pool/leases/leases.ts";
import { startLoop } from "../../src/pool/loop.ts";
import type { FleetLoop } from "../../src/pool/loop.ts";
import type { Driver, Instance, Power } from "../../src/ports/driver.ts";
import type { Leases } from "../../src/ports/leases.ts";
import type { Logger } from "../../src/ports/logger.ts";
import type { Store } from "../../src/ports/store.ts";
import { createVirtualClock } from "../../src/simulation/clock.ts";
import type { VirtualClock } from "../../src/simulation/clock.ts";
import { createSimulatedDriver } from "../../src/simulation/driver.ts";
import { createSimulatedGuest } from "../../src/simulation/guest.ts";
import type { SimulatedGuest } from "../../src/simulation/guest.ts";
import { createSimulatedProvider } from "../../src/simulation/provider.ts";
import type { SimulatedProvider } from "../../src/simulation/provider.ts";
import { createSeededRandom } from "../../src/simulation/random.ts";
import { createMemoryStore } from "../../src/simulation/store.ts";
import { clockOf, createProcess } from "../../src/simulation/world/process.ts";
import type { ManagerProcess, Moment } from "../../src/simulation/world/process.ts";

/** A manager's control loop in an invented world: virtual clock, pretended provider and guests, a store in memory. */
export interface World {
  readonly clock: VirtualClock;
  readonly provider: SimulatedProvider;
  readonly guest: SimulatedGuest;
  readonly store: Store;
  readonly errors: unknown[];
  /** What the provider answers beside the truth, for as long as it stands. */
  readonly lies: ProviderLies;
  /** What the operator wishes. */
  desired: DesiredFleet;
  fleet: Fleet;
  leases: Leases;
  loop: FleetLoop;
  /** Hands over to another manager over the same store and provider. After a kill there is nobody to hand over. */
  restart(): Promise<void>;
  /** Ends the manager as `kill -9` does: now, or at its next call of this port. */
  kill(
    port?: "driver.launch" | "driver.terminate" | "driver.stop" | "driver.start" | "store.commit",
    moment?: Moment,
  ): void;
}

export interface ProviderLies {
  terminate: (providerIds: readonly string[]) => Error | undefined;
  list: (instances: readonly Instance[]) => readonly Instance[];
}

export interface WorldOptions {
  readonly pools: readonly DesiredPool[];
  readonly maxMachines?: number;
  readonly bootMs?: number;
  readonly launchDelayMs?: number;
  readonly terminateDelayMs?: number;
  /** How long the store takes over a write, in milliseconds. @default 0 */
  readonly commitMs?: number;
  /** Addresses that the provider has. @default as many as it needs */
  readonly hosts?: readonly string[];
  readonly seed?: number;
  /** When it starts. @default 0 */
  readonly startMs?: number;
  /** Whether the provider shows seeds to whatever runs on its machines. @default false */
  readonly showsSeed?: boolean;
  /** How far its lists lag. @default the provider does not say */
  readonly listLagMs?: number;
}

/** Starts a world at time 0 if nothing else is said; errors that the loop logs are collected. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const { pools, maxMachines = 100, bootMs = 30_000, launchDelayMs, terminateDelayMs, hosts, seed = 1 } = options;
  const clock = createVirtualClock(options.startMs ?? 0);
  const random = createSeededRandom(seed);
  const provider = createSimulatedProvider({ clock, random }, { launchDelayMs, terminateDelayMs, hosts });
  const guest = createSimulatedGuest({ clock, provider }, { bootMs });
  const store = createMemoryStore();
  const errors: unknown[] = [];
  const logger = loggerInto(errors);
  const wish: { desired: DesiredFleet } = { desired: { pools, maxMachines } };
  const lies: ProviderLies = { terminate: () => undefined, list: (instances) => instances };
  let process: ManagerProcess | undefined;
  let death: { readonly port: string; readonly moment: Moment } | undefined;
  const hook = (port: string, moment: Moment): void => {
    if (death?.port !== port || death.moment !== moment) return;
    death = undefined;
    process?.die();
  };

  const start = async (): Promise<Pick<World, "fleet" | "leases" | "loop">> => {
    const mine = createProcess(1, clock, hook);
    const driver = createSimulatedDriver(provider, "test");
    const { showsSeed, listLagMs } = options;
    const capabilities = { ...driver.capabilities, showsSeed, listLagMs };
    process = mine;
    const fleet = createFleet({
      store: storeOf(mine, store, clock, options.commitMs ?? 0),
      drivers: new Map([["simulated" as const, driverOf(mine, { ...driver, capabilities }, lies)]]),
      ...{ guest, random, logger },
      clock: clockOf(mine, clock, () => 0, hook),
      desired: () => wish.desired,
    });
    await adoptFleet(fleet);
    return { fleet, leases: createLeases(fleet), loop: startLoop(fleet) };
  };

  const world: World = {
    ...{ clock, provider, guest, store, errors, lies },
    get desired() {
      return wish.desired;
    },
    set desired(desired) {
      wish.desired = desired;
    },
    ...(await start()),
    async restart() {
      if (process?.isAlive()) await world.loop.handOver();
      Object.assign(world, await start());
    },
    kill(port, moment = "after") {
      if (port === undefined) process?.die();
      else death = { port, moment };
    },
  };
  return world;
}

function storeOf(process: ManagerProcess, store: Store, clock: VirtualClock, commitMs: number): Store {
  const commit: Store["commit"] = async (changes) => {
    if (commitMs > 0) await clock.sleep(commitMs);
    if (process.isAlive()) await store.commit(changes);
  };
  return { ...store, commit: (changes) => process.call("store.commit", () => commit(changes)) };
}

function driverOf(process: ManagerProcess, driver: Driver, lies: ProviderLies): Driver {
  return {
    ...driver,
    launch: (...args) => process.call("driver.launch", () => driver.launch(...args)),
    list: (signal) => process.call("driver.list", async () => lies.list(await driver.list(signal))),
    terminate: (ids, signal) =>
      process.call("driver.terminate", async () => {
        const lie = lies.terminate(ids);
        if (lie !== undefined) throw lie;
        await driver.terminate(ids, signal);
      }),
    ...(driver.power && { power: powerOf(process, driver.power) }),
    watch(watcher) {
      const stop = driver.watch?.(watcher) ?? (() => undefined);
      process.onDeath(stop);
      return stop;
    },
  };
}

const powerOf = (process: ManagerProcess, power: Power): Power => ({
  stop: (...args) => process.call("driver.stop", () => power.stop(...args)),
  start: (...args) => process.call("driver.start", () => power.start(...args)),
});

function loggerInto(errors: unknown[]): Logger {
  const logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (fields, message) => void errors.push({ ...fields, message }),
    child: () => logger,
  };
  return logger;
}
