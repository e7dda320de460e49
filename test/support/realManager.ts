import { join } from "node:path";
import { parseConfig } from "../../src/config/parse.ts";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import { composeManager } from "../../src/daemon/compose.ts";
import type { RunningManager } from "../../src/daemon/compose.ts";
import { systemRandom as random } from "../../src/daemon/random.ts";
import { acceleratorOf, imagesDirOf } from "../../src/daemon/start.ts";
import { createQemuDriver } from "../../src/drivers/qemu/driver.ts";
import { createGuest } from "../../src/guest/guest.ts";
import type { Guest } from "../../src/ports/guest.ts";
import type { Store } from "../../src/ports/store.ts";
import { createArchives } from "../../src/store/archives.ts";
import { createJobLogs } from "../../src/store/jobLogs.ts";
import { openStore } from "../../src/store/open.ts";
import { silentLogger as logger } from "./jobs.ts";
import type { RealState } from "./realState.ts";

/** A manager of real machines in this process, put together as the daemon's is, and its store. */
export interface RealManager {
  readonly running: RunningManager;
  readonly store: Store;
}

/**
 * Starts a manager of QEMU machines.
 * @param pools text of a mayfly.toml from its first [[pool]] on.
 * @param wrap puts something between the manager and its guests.
 */
export async function startRealManager(
  { stateDir }: Pick<RealState, "stateDir">,
  pools: string,
  wrap: (guest: Guest) => Guest = (guest) => guest,
): Promise<RealManager> {
  const config = parseConfig(`name = "test"\n${pools}`, "mayfly.toml", stateDir);
  const chooseAccelerator = acceleratorOf(stateDir);
  const qemu = createQemuDriver(
    { stateDir, imagesDir: imagesDirOf(stateDir), owner: "test" },
    { clock, random, logger, chooseAccelerator },
  );
  const store = await openStore(stateDir, { clock, logger });
  const running = await composeManager(
    config,
    {
      ...{ clock, random, logger, store },
      logs: createJobLogs(join(stateDir, "logs")),
      archives: createArchives(join(stateDir, "archives"), { clock }),
      guest: wrap(createGuest({ clock, logger })),
      drivers: new Map([["qemu", qemu]]),
    },
    "test",
    { resumesJobs: true, startsAhead: true },
  );
  return { running, store };
}
