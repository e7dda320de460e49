import { join } from "node:path";
import type { Config } from "../config/config.ts";
import type { ExplainedConfig } from "../config/parse.ts";
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
import type { ManagerOptions, ManagerPorts, RunningManager } from "./compose.ts";
import { createDisks } from "./disks.ts";
import { lookAtDirectory } from "./dockerMachines/directory.ts";
import { withDockerMachines } from "./dockerMachines/service.ts";
import { createGitlabDoor } from "./gitlab/door.ts";
import { startHousekeeping } from "./housekeeping.ts";
import { startLeftoverSweep } from "./leftovers.ts";
import { createLiveConfig } from "./liveConfig.ts";
import { startMirror } from "./mirror/mirror.ts";
import { systemRandom as random } from "./random.ts";

export type StartOptions = Omit<ManagerOptions, "live"> & Pick<ManagerPorts, "configSource">;

/** Where guest images are kept. */
export const imagesDirOf = (stateDir: string): string => join(stateDir, "images");

/** Answers the accelerator that was seen to work on this host, remembered in the state directory. */
export function acceleratorOf(stateDir: string): (signal: AbortSignal) => Promise<AcceleratorName> {
  return async (signal) => (await chooseAccelerator({ memoPath: join(stateDir, "accelerator.json") }, signal)).name;
}

/** Creates the drivers of every provider that pools may have machines from. */
export function createDrivers(current: () => Config, logger: Logger): ReadonlyMap<DriverName, Driver> {
  const { stateDir, name: owner } = current();
  const qemu = createQemuDriver(
    {
      ...{ stateDir, imagesDir: imagesDirOf(stateDir), owner },
      get minFreeDiskMiB() {
        return current().minFreeDiskMiB;
      },
    },
    { clock, random, logger, chooseAccelerator: acceleratorOf(stateDir) },
  );
  const shapesNow = () => current().pools.flatMap(({ shape }) => (shape.driver === "ec2" ? [shape] : []));
  // A site that a later configuration brings is listed from its first launch on.
  const options = {
    ...{ owner, sites: shapesNow() },
    get shapes() {
      return shapesNow();
    },
  };
  const ec2 = createEc2Driver(options, { clock, random, logger });
  return new Map([qemu, ec2].map((driver) => [driver.name, driver]));
}

/**
 * Starts a manager on this host.
 * @param options.configSource where its configuration is read again. @default nowhere
 * @throws ConflictError when another one uses the state directory.
 */
export async function startManager(
  { config, entries }: Pick<ExplainedConfig, "config"> & Partial<ExplainedConfig>,
  version: string,
  logger: Logger,
  { configSource, ...options }: StartOptions = { resumesJobs: true },
): Promise<RunningManager> {
  const { stateDir } = config;
  const live = createLiveConfig(config, entries);
  const store = await openStore(stateDir, { clock, logger, writer: `mayfly ${version}` });
  const logs = createJobLogs(join(stateDir, "logs"));
  const archives = createArchives(join(stateDir, "archives"), { clock });
  const guest = createGuest({ clock, logger });
  const drivers = createDrivers(live.current, logger);
  const disks = createDisks(stateDir, imagesDirOf(stateDir));
  const mirror = config.mirror && (await startMirror(config.mirror, stateDir, { clock, random, logger }));
  const gitlab = config.gitlab && createGitlabDoor(config.gitlab, { clock, logger });
  const ports = { gitlab, disks, clock, random, logger, store, logs, archives, guest, drivers, mirror, configSource };
  const all = { startsAhead: true, ...options, live };
  const composed = await composeManager(config, ports, version, all).catch(async (error: unknown) => {
    await mirror?.stop();
    throw error;
  });
  const running = await withDockerMachines(composed, {
    records: createDockerMachineRecords(join(stateDir, "docker-machines")),
    ...{ look: lookAtDirectory, pools: () => live.current().pools, clock, random, logger },
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
