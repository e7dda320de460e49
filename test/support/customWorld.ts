import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApiClient } from "../../src/api/client.ts";
import { startApiServer } from "../../src/api/server.ts";
import type { ApiServer } from "../../src/api/server.ts";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import { composeManager } from "../../src/daemon/compose.ts";
import type { RunningManager } from "../../src/daemon/compose.ts";
import { systemRandom as random } from "../../src/daemon/random.ts";
import type { Manager } from "../../src/ports/manager.ts";
import type { Guest } from "../../src/ports/guest.ts";
import { createSimulatedDriver } from "../../src/simulation/driver.ts";
import { createSimulatedGuest } from "../../src/simulation/guest.ts";
import { createSimulatedProvider } from "../../src/simulation/provider.ts";
import { createMemoryStore } from "../../src/simulation/store.ts";
import { createArchives } from "../../src/store/archives.ts";
import { createJobLogs } from "../../src/store/jobLogs.ts";
import { simulatedConfig } from "./composed.ts";
import { silentLogger } from "./jobs.ts";
import { openLocalChannel } from "./localChannel.ts";
import { pool } from "./pools.ts";

/** A real manager behind a real socket, on pretended machines that outlive it; what runs on them are processes of this host. */
export interface CustomWorld extends AsyncDisposable {
  readonly folder: string;
  readonly buildsDir: string;
  readonly socketPath: string;
  readonly client: Manager;
  /** Ends this manager as SIGUSR2 does, and starts the next one at the same socket once `whileAway` is done. */
  restart(whileAway?: () => Promise<void>): Promise<void>;
}

/** Makes a world with one pool `small`. */
export async function createCustomWorld(maxMachines: number): Promise<CustomWorld> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-custom-"));
  const socketPath = join(folder, "mayfly.sock");
  const buildsDir = join(folder, "builds");
  const provider = createSimulatedProvider({ clock, random }, { terminateDelayMs: 0 });
  const store = { ...createMemoryStore(), close: async () => undefined };
  let isHandingOver = false;
  const config = simulatedConfig({ stateDir: folder, pools: [pool({ name: "small", maxMachines, idleCount: 0 })] });
  const ports = {
    ...{ clock, random, logger: silentLogger, store, guest: localGuest() },
    logs: createJobLogs(join(folder, "logs")),
    archives: createArchives(join(folder, "archives"), { clock }),
  };

  function localGuest(): Guest {
    const guest = createSimulatedGuest({ clock, provider }, { bootMs: 50 });
    return {
      ...guest,
      async connect(...args) {
        const ready = await guest.connect(...args);
        const channel = openLocalChannel(folder);
        // A connection that a manager hands over takes nothing with it that runs on the machine.
        void Promise.race([ready.channel.closed, channel.closed]).then((why) => {
          if (!isHandingOver) channel.break(why);
        });
        return { ...ready, channel };
      },
    };
  }

  const start = async (): Promise<{ readonly running: RunningManager; readonly server: ApiServer }> => {
    // A driver is of its manager, which closes it.
    const drivers = new Map([["simulated" as const, createSimulatedDriver(provider, config.name)]]);
    const running = await composeManager(config, { ...ports, drivers }, "1.2.3", {
      resumesJobs: true,
      folders: { builds: buildsDir, scratch: folder },
    });
    const deps = { manager: running.manager, logger: silentLogger, version: "1.2.3" };
    return { running, server: await startApiServer({ ...deps, socketPath }) };
  };

  let now = await start();
  return {
    ...{ folder, buildsDir, socketPath, client: createApiClient(socketPath) },
    async restart(whileAway) {
      await now.server.close();
      isHandingOver = true;
      await now.running.handOver();
      await whileAway?.();
      now = await start();
      isHandingOver = false;
    },
    async [Symbol.asyncDispose]() {
      await now.server.close();
      await now.running.close(AbortSignal.abort());
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
