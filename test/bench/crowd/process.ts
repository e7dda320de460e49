/**
 * A manager with machines in many pools as a process of its own: `node process.ts STATE_DIR`. It listens on
 * `STATE_DIR/mayfly.sock`, says `ready` once all machines are idle, answers each line on stdin with its resident bytes, and
 * ends when its stdin does.
 */
import "../keepHeapSmall.ts";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { destination } from "pino";
import { startApiServer } from "../../../src/api/server.ts";
// What `mayfly daemon` loads beside counts too, the code for real machines above all, although nothing here calls it.
import "../../../src/commands/daemon.ts";
import "../../../src/config/load.ts";
import "../../../src/daemon/start.ts";
import { systemClock as clock } from "../../../src/daemon/clock.ts";
import { composeManager } from "../../../src/daemon/compose.ts";
import { createLogger } from "../../../src/daemon/logger.ts";
import { systemRandom as random } from "../../../src/daemon/random.ts";
import { createTraceMachines } from "../../../src/simulation/trace/machines.ts";
import { createArchives } from "../../../src/store/archives.ts";
import { createJobLogs } from "../../../src/store/jobLogs.ts";
import { openStore } from "../../../src/store/open.ts";
import { until } from "../../support/until.ts";
import { BOOT_MS, crowdedPools, MACHINES } from "./load.ts";

const VERSION = "0.0.0";
const READY_DEADLINE_MS = 300_000;

const [stateDir = ""] = process.argv.slice(2);
const socketPath = join(stateDir, "mayfly.sock");
const pools = crowdedPools();
const wanted = pools.reduce((sum, { idleCount }) => sum + idleCount, 0);
const config = {
  ...{ name: "bench", stateDir, stopTimeoutMs: 0, minFreeDiskMiB: 32, api: { socket: socketPath } },
  ...{ pools, maxMachines: 2 * MACHINES },
};

const logger = createLogger("info", destination({ dest: join(stateDir, "manager.log"), sync: true }));
const store = await openStore(stateDir, { clock, logger });
const { driver, guest } = createTraceMachines(clock, () => BOOT_MS);
const running = await composeManager(
  config,
  {
    ...{ clock, random, logger, store, guest },
    logs: createJobLogs(join(stateDir, "logs")),
    archives: createArchives(join(stateDir, "archives"), { clock }),
    drivers: new Map([[driver.name, driver]]),
  },
  VERSION,
);
const server = await startApiServer({ manager: running.manager, socketPath, logger, version: VERSION });

await until(`${wanted} machines are idle`, READY_DEADLINE_MS, async () => {
  const all = await running.manager.pools();
  return all.reduce((sum, { machines }) => sum + machines.idle, 0) >= wanted;
});
console.log("ready");
for await (const _line of createInterface({ input: process.stdin })) console.log(process.memoryUsage.rss());

await server.close();
await running.handOver();
