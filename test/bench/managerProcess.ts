/**
 * A manager with idle simulated machines as a process of its own: `node managerProcess.ts STATE_DIR MACHINES`. It listens on
 * `STATE_DIR/mayfly.sock`, says `ready` once all machines are idle, answers each line on stdin with its resident bytes, and
 * ends when its stdin does.
 */
import "./keepHeapSmall.ts";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { destination } from "pino";
import { startApiServer } from "../../src/api/server.ts";
// What `mayfly daemon` loads beside counts too, the code for real machines above all, although nothing here calls it.
import "../../src/commands/daemon.ts";
import "../../src/config/load.ts";
import "../../src/daemon/start.ts";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import { composeManager } from "../../src/daemon/compose.ts";
import { createLogger } from "../../src/daemon/logger.ts";
import { systemRandom as random } from "../../src/daemon/random.ts";
import { createSimulatedDriver } from "../../src/simulation/driver.ts";
import { createSimulatedGuest } from "../../src/simulation/guest.ts";
import { createSimulatedProvider } from "../../src/simulation/provider.ts";
import { createArchives } from "../../src/store/archives.ts";
import { createJobLogs } from "../../src/store/jobLogs.ts";
import { openStore } from "../../src/store/open.ts";
import { pool } from "../support/pools.ts";
import { until } from "../support/until.ts";

const VERSION = "0.0.0";
const READY_DEADLINE_MS = 60_000;

const [stateDir = "", machines = ""] = process.argv.slice(2);
const count = Number(machines);
const socketPath = join(stateDir, "mayfly.sock");
const config = {
  ...{ name: "bench", stateDir, maxMachines: count, stopTimeoutMs: 0, minFreeDiskMiB: 32, api: { socket: socketPath } },
  pools: [pool({ maxMachines: count, idleCount: count, maxGrowthRate: count })],
};

const logger = createLogger("info", destination({ dest: join(stateDir, "manager.log"), sync: true }));
const store = await openStore(stateDir, { clock, logger });
const provider = createSimulatedProvider({ clock, random });
const running = await composeManager(
  config,
  {
    ...{ clock, random, logger, store },
    logs: createJobLogs(join(stateDir, "logs")),
    archives: createArchives(join(stateDir, "archives"), { clock }),
    guest: createSimulatedGuest({ clock, provider }),
    drivers: new Map([["simulated" as const, createSimulatedDriver(provider, config.name)]]),
  },
  VERSION,
);
const server = await startApiServer({ manager: running.manager, socketPath, logger, version: VERSION });

await until(`${count} machines are idle`, READY_DEADLINE_MS, async () => {
  const all = await running.manager.machines(false);
  return all.filter(({ state }) => state === "idle").length === count;
});
console.log("ready");
for await (const _line of createInterface({ input: process.stdin })) console.log(process.memoryUsage.rss());

await server.close();
await running.close(AbortSignal.abort());
