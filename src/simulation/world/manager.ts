import { adoptFleet } from "../../pool/adopt.ts";
import { createFleet } from "../../pool/fleet.ts";
import type { Fleet, FleetDeps } from "../../pool/fleet.ts";
import { createLeases } from "../../pool/leases/leases.ts";
import { startLoop } from "../../pool/loop.ts";
import type { FleetLoop } from "../../pool/loop.ts";
import type { Leases } from "../../ports/leases.ts";
import type { Logger } from "../../ports/logger.ts";
import type { Cloud } from "./cloud.ts";
import type { WorldGuests } from "./guests.ts";
import { attendJobs } from "./insideJobs.ts";
import { clockOf, createProcess } from "./process.ts";
import { createWorldStore } from "./store.ts";
import type { World } from "./world.ts";

/** A manager at work: the product's own loop over the ports of one process. */
export interface SimulatedManager {
  readonly fleet: Fleet;
  readonly leases: Leases;
  readonly loop: FleetLoop;
}

/** Starts a manager's process. It takes over what is in the store, and serves once it has. */
export function startManager(world: World, cloud: Cloud, guests: WorldGuests): void {
  world.processCount += 1;
  const process = createProcess(world.processCount, world.clock, world.hook);
  world.process = process;
  world.journal.note(`process-${process.number}`, "manager started");
  const clock = clockOf(process, world.clock, () => world.jumpedMs, world.hook);
  const logger = loggerInto(world);
  const driver = cloud.driverFor(process, { clock, logger });
  const ports: FleetDeps = {
    store: createWorldStore(world),
    drivers: new Map([[driver.name, driver]]),
    guest: guests.forProcess(),
    ...{ clock, logger },
    random: world.random,
    desired: () => world.desired,
  };
  const fleet = createFleet(world.portsOf(ports));
  const leases = createLeases(fleet);
  const start = async (): Promise<void> => {
    await adoptFleet(fleet);
    if (!process.isAlive()) return;
    attendJobs(world, process, fleet, leases);
    world.manager = { fleet, leases, loop: startLoop(fleet) };
    world.journal.note(`process-${process.number}`, "manager serves");
    world.serving.notify("manager");
  };
  start().catch((error: unknown) => world.tell({ what: "error-logged", text: `the manager did not start: ${error}` }));
}

/** Ends the process of the moment as kill -9 does. */
export function killManager(world: World): void {
  if (world.process === undefined) return;
  world.journal.note(`process-${world.process.number}`, "manager died");
  world.process.die();
  world.process = undefined;
  world.manager = undefined;
}

function loggerInto(world: World): Logger {
  const logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (fields, message) => {
      const { err } = fields as { readonly err?: unknown };
      const text = err instanceof Error ? `${message}: ${err.stack ?? err.message}` : message;
      world.tell({ what: "error-logged", text: `${text} ${JSON.stringify({ ...fields, err: undefined })}` });
    },
    child: () => logger,
  };
  return logger;
}
