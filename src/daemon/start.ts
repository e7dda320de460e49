import { join } from "node:path";
import type { Config } from "../config/config.ts";
import type { DriverName } from "../domain/shape.ts";
import { chooseAccelerator } from "../drivers/qemu/accelerator.ts";
import { createEc2Driver } from "../drivers/ec2/driver.ts";
import { createQemuDriver } from "../drivers/qemu/driver.ts";
import type { AcceleratorName } from "../drivers/qemu/options.ts";
import { createGuest } from "../guest/guest.ts";
import type { Driver } from "../ports/driver.ts";
import type { Logger } from "../ports/logger.ts";
import { createArchives } from "../store/archives.ts";
import { createDockerMachineRecords } from "../store/dockerMachines.ts";
import { createJobLogs } from "../store/jobLogs.ts";
import { openStore } from "../store/open.ts";
import { systemClock as clock } from "./clock.ts";
import { composeManager } from "./compose.ts";
import type { ManagerOptions, RunningManager } from "./compose.ts";
import { createDisks } from "./disks.ts";
import { lookAtDirectory } from "./dockerMachines/directory.ts";
import { withDockerMachines } from "./dockerMachines/service.ts";
import { startHousekeeping } from "./housekeeping.ts";
import { startLeftoverSweep } from "./leftovers.ts";
import { systemRandom as random } from "./random.ts";

/** Where guest images are kept. */
export const imagesDirOf = (stateDir: string): string => join(stateDir, "images");

/** Answers the accelerator that was seen to work on this host, remembered in the state directory. */
export function acceleratorOf(stateDir: string): (signal: AbortSignal) => Promise<AcceleratorName> {
  return async (signal) => (await chooseAccelerator({ memoPath: join(stateDir, "accelerator.json") }, signal)).name;
}

/** Creates the drivers of every provider that pools may have machines from. */
export function createDrivers(
  { stateDir, name: owner, pools }: Config,
  logger: Logger,
): ReadonlyMap<DriverName, Driver> {
  const qemu = createQemuDriver(
    { stateDir, imagesDir: imagesDirOf(stateDir), owner },
    { clock, random, logger, chooseAccelerator: acceleratorOf(stateDir) },
  );
  const shapes = pools.flatMap(({ shape }) => (shape.driver === "ec2" ? [shape] : []));
  const ec2 = createEc2Driver({ owner, sites: shapes, shapes }, { clock, random, logger });
  return new Map([qemu, ec2].map((driver) => [driver.name, driver]));
}

/** Starts a manager on this host. @throws ConflictError when another one uses the state directory. */
export async function startManager(
  config: Config,
  version: string,
  logger: Logger,
  options?: ManagerOptions,
): Promise<RunningManager> {
  const { stateDir } = config;
  const store = await openStore(stateDir, { clock, logger, writer: `mayfly ${version}` });
  const logs = createJobLogs(join(stateDir, "logs"));
  const archives = createArchives(join(stateDir, "archives"), { clock });
  const guest = createGuest({ clock, logger });
  const drivers = createDrivers(config, logger);
  const disks = createDisks(stateDir, imagesDirOf(stateDir));
  const ports = { disks, clock, random, logger, store, logs, archives, guest, drivers };
  const running = await withDockerMachines(await composeManager(config, ports, version, options), {
    records: createDockerMachineRecords(join(stateDir, "docker-machines")),
    ...{ look: lookAtDirectory, pools: config.pools, clock, random, logger },
  });
  const stopHousekeeping = startHousekeeping({ logs, archives, clock, logger });
  const stopSweep = startLeftoverSweep({ drivers: drivers.values(), clock, logger });
  return {
    ...running,
    async close(force) {
      await Promise.all([stopHousekeeping(), stopSweep()]);
      return running.close(force);
    },
    async handOver() {
      await Promise.all([stopHousekeeping(), stopSweep()]);
      await running.handOver();
    },
  };
}
