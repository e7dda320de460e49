import type { Config } from "../../src/config/config.ts";
import { composeManager } from "../../src/daemon/compose.ts";
import type { ManagerOptions, ManagerPorts, RunningManager } from "../../src/daemon/compose.ts";
import type { GitlabDoor } from "../../src/daemon/gitlab/door.ts";
import { createGitlabDoor } from "../../src/daemon/gitlab/door.ts";
import { NotFoundError } from "../../src/domain/errors.ts";
import type { JobLogs } from "../../src/ports/files.ts";
import type { Logger } from "../../src/ports/logger.ts";
import { createVirtualClock } from "../../src/simulation/clock.ts";
import type { VirtualClock } from "../../src/simulation/clock.ts";
import { createSimulatedDriver } from "../../src/simulation/driver.ts";
import { createSimulatedGuest } from "../../src/simulation/guest.ts";
import { createSimulatedProvider } from "../../src/simulation/provider.ts";
import type { SimulatedProvider } from "../../src/simulation/provider.ts";
import { createSeededRandom } from "../../src/simulation/random.ts";
import { createMemoryStore } from "../../src/simulation/store.ts";
import { silentLogger } from "./jobs.ts";
import { pool } from "./pools.ts";

/** A whole manager, put together as the daemon's is, in an invented world. */
export interface ComposedManager {
  readonly clock: VirtualClock;
  readonly provider: SimulatedProvider;
  readonly running: RunningManager;
  /** What it logged at info and above, as `level: message`. */
  readonly lines: string[];
  readonly logger: Logger;
  /** What it hears of GitLab by, where its configuration has that. */
  readonly gitlab: GitlabDoor | undefined;
}

/** What an operator wishes, with one pool of simulated machines. */
export const simulatedConfig = (changes: Partial<Config> = {}): Config => ({
  ...{ name: "test", stateDir: "/nowhere", maxMachines: 100, stopTimeoutMs: 60_000, api: { socket: "/nowhere/sock" } },
  ...{ minFreeDiskMiB: 1_024, pools: [pool()], ...changes },
});

/** Starts it at time 0. */
export async function composeForTest(
  config: Config = simulatedConfig(),
  ports: Partial<ManagerPorts> = {},
  options?: ManagerOptions,
  bootMs?: number,
): Promise<ComposedManager> {
  const clock = createVirtualClock(0);
  const random = createSeededRandom(1);
  const provider = createSimulatedProvider({ clock, random });
  const lines: string[] = [];
  const logger = loggerInto(lines);
  const all: ManagerPorts = {
    ...{ clock, random, logger, store: createMemoryStore(), logs: noLogs },
    archives: {
      put: () => Promise.reject(new Error("no archives here")),
      open: () => Promise.reject(new NotFoundError("archive-not-found", "no archives here")),
      prune: async () => undefined,
    },
    guest: createSimulatedGuest({ clock, provider }, { bootMs }),
    drivers: new Map([["simulated" as const, createSimulatedDriver(provider, config.name)]]),
    gitlab: config.gitlab && createGitlabDoor(config.gitlab, { clock, logger }),
    ...ports,
  };
  return {
    clock,
    provider,
    lines,
    logger,
    gitlab: all.gitlab,
    running: await composeManager(config, all, "1.2.3", options),
  };
}

/** Logs that hold nothing. */
const noLogs: JobLogs = {
  create: async () => ({ sizeBytes: 0, write: async () => undefined, close: async () => undefined }),
  async *read() {
    yield new Uint8Array();
  },
};

function loggerInto(lines: string[]): Logger {
  const at = (level: string) => (_fields: unknown, message: string) => void lines.push(`${level}: ${message}`);
  const logger: Logger = {
    ...silentLogger,
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: () => logger,
  };
  return logger;
}
