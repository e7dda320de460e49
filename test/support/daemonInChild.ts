import { join } from "node:path";
import { destination } from "pino";
import { reportError } from "../../src/commands/exit.ts";
import { serveUntilSignalled } from "../../src/commands/daemon.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { LoadedConfig } from "../../src/config/load.ts";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import { composeManager } from "../../src/daemon/compose.ts";
import type { RunningManager } from "../../src/daemon/compose.ts";
import { createDisks } from "../../src/daemon/disks.ts";
import { createGitlabDoor } from "../../src/daemon/gitlab/door.ts";
import { createLiveConfig } from "../../src/daemon/liveConfig.ts";
import { createLogger } from "../../src/daemon/logger.ts";
import { systemRandom as random } from "../../src/daemon/random.ts";
import { watchFile } from "../../src/daemon/watchFile.ts";
import type { Guest } from "../../src/ports/guest.ts";
import { createSimulatedDriver } from "../../src/simulation/driver.ts";
import { createSimulatedGuest } from "../../src/simulation/guest.ts";
import { createSimulatedProvider } from "../../src/simulation/provider.ts";
import { createArchives } from "../../src/store/archives.ts";
import { createJobLogs } from "../../src/store/jobLogs.ts";
import { openStore } from "../../src/store/open.ts";
import { openLocalChannel } from "./localChannel.ts";
import { simulatedPools } from "./pools.ts";

// `mayfly daemon` of the config argv[2], with pretended machines on which jobs run as processes of this host, in the folder
// argv[3]. Its store, logs, socket and signals are real. An instance takes argv[4] ms to end.

const [configPath = "", folder = "", terminateDelay = "0"] = process.argv.slice(2);
const VERSION = "1.2.3";

const surroundings = { env: process.env, cwd: "/", homeDir: "/", isRoot: true };
const provider = createSimulatedProvider({ clock, random }, { terminateDelayMs: Number(terminateDelay) });
const logger = createLogger("info", destination({ dest: 2, sync: true }));

/** The file's pools, with pretended machines: another image makes others of them. */
async function load(): Promise<LoadedConfig> {
  const loaded = await loadConfig(configPath, surroundings);
  return { ...loaded, config: simulatedPools(loaded.config) };
}

async function start(): Promise<RunningManager> {
  const { config, entries } = await load();
  const { name, stateDir } = config;
  const store = await openStore(stateDir, { clock, logger, writer: `mayfly ${VERSION}` });
  return composeManager(
    config,
    {
      ...{ clock, random, logger, store, guest: localGuest(), disks: createDisks(stateDir, join(stateDir, "images")) },
      logs: createJobLogs(join(stateDir, "logs")),
      archives: createArchives(join(stateDir, "archives"), { clock }),
      drivers: new Map([["simulated" as const, createSimulatedDriver(provider, name)]]),
      configSource: { load, watch: (...told) => watchFile(configPath, clock, ...told) },
      gitlab: config.gitlab && createGitlabDoor(config.gitlab, { clock, logger }),
    },
    VERSION,
    {
      resumesJobs: true,
      live: createLiveConfig(config, entries),
      folders: { builds: join(folder, "builds"), scratch: folder },
    },
  );
}

function localGuest(): Guest {
  const guest = createSimulatedGuest({ clock, provider }, { bootMs: 100 });
  return {
    ...guest,
    async connect(...args) {
      const ready = await guest.connect(...args);
      const channel = openLocalChannel(folder);
      void Promise.race([ready.channel.closed, channel.closed]).then((why) => channel.break(why));
      return { ...ready, channel };
    },
  };
}

try {
  const { config } = await loadConfig(configPath, surroundings);
  const options = { socketPath: config.api.socket, version: VERSION, logger, clock };
  const left = await serveUntilSignalled(start, options);
  process.exitCode = left.length > 0 ? 3 : 0;
} catch (error) {
  process.exitCode = reportError(error, process.stderr);
}
