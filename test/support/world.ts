import type { DesiredPool } from "../../src/domain/pool.ts";
import { adoptFleet } from "../../src/pool/adopt.ts";
import { createFleet } from "../../src/pool/fleet.ts";
import type { Fleet } from "../../src/pool/fleet.ts";
import { createLeases } from "../../src/pool/leases.ts";
import { startLoop } from "../../src/pool/loop.ts";
import type { FleetLoop } from "../../src/pool/loop.ts";
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

/** A manager's control loop in an invented world: virtual clock, pretended provider and guests, a store in memory. */
export interface World {
  readonly clock: VirtualClock;
  readonly provider: SimulatedProvider;
  readonly guest: SimulatedGuest;
  readonly store: Store;
  readonly errors: unknown[];
  fleet: Fleet;
  leases: Leases;
  loop: FleetLoop;
  /** Forgets the manager as a kill would, and starts another over the same store and provider. */
  restart(): Promise<void>;
}

export interface WorldOptions {
  readonly pools: readonly DesiredPool[];
  readonly maxMachines?: number;
  readonly bootMs?: number;
  readonly launchDelayMs?: number;
  readonly seed?: number;
}

/** Starts a world at time 0; errors that the loop logs are collected. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const { pools, maxMachines = 100, bootMs = 30_000, launchDelayMs = 0, seed = 1 } = options;
  const clock = createVirtualClock(0);
  const random = createSeededRandom(seed);
  const provider = createSimulatedProvider({ clock, random }, { launchDelayMs });
  const guest = createSimulatedGuest({ clock, provider }, { bootMs });
  const store = createMemoryStore();
  const errors: unknown[] = [];
  const logger = loggerInto(errors);

  const start = async (): Promise<Pick<World, "fleet" | "leases" | "loop">> => {
    const drivers = new Map([["simulated" as const, createSimulatedDriver(provider, "test")]]);
    const desired = () => ({ pools, maxMachines });
    const fleet = createFleet({ store, drivers, guest, clock, random, logger, desired });
    await adoptFleet(fleet);
    return { fleet, leases: createLeases(fleet), loop: startLoop(fleet) };
  };

  const world: World = {
    ...{ clock, provider, guest, store, errors },
    ...(await start()),
    async restart() {
      await world.loop.handOver();
      Object.assign(world, await start());
    },
  };
  return world;
}

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
