import { join } from "node:path";
import { destination } from "pino";
import type { Config } from "../config/config.ts";
import { findImage } from "../drivers/qemu/image/find.ts";
import { prepareStateDir } from "../store/open.ts";
import type { RunningManager } from "./compose.ts";
import { createLogger } from "./logger.ts";
import { acceleratorOf, imagesDirOf, startManager } from "./start.ts";

/** The file that an embedded manager logs to, in the state directory. */
const EMBEDDED_LOG = "embedded.log";

/**
 * Starts a manager inside a command, for the time of that command. It keeps no more idle machines than `idleCount` a pool,
 * and logs to a file: the terminal is the command's.
 * @throws NotFoundError when a pool's image was not built, SystemError when QEMU is missing or the state directory cannot be
 * written, before anything is started.
 */
export async function startEmbeddedManager(
  config: Config,
  version: string,
  idleCount: number,
  signal: AbortSignal,
): Promise<RunningManager> {
  prepareStateDir(config.stateDir);
  await checkHost(config, signal);
  const file = destination({ dest: join(config.stateDir, EMBEDDED_LOG), mkdir: true, sync: true, mode: 0o600 });
  // It ends with its command, and every stopped machine with it.
  const pools = config.pools.map((pool) => ({
    ...pool,
    idleCount: Math.min(idleCount, pool.maxMachines),
    stoppedCount: 0,
    idleScaleFactor: 0,
    schedule: undefined,
    target: undefined,
    shadows: undefined,
  }));
  return startManager({ config: { ...config, gitlab: undefined, pools } }, version, createLogger("info", file), {
    resumesJobs: false,
  });
}

/** Finds out at once what would otherwise be met by the first launch, minutes of waiting later. */
async function checkHost(config: Config, signal: AbortSignal): Promise<void> {
  for (const { shape } of config.pools) {
    if (shape.driver !== "qemu") continue;
    await acceleratorOf(config.stateDir)(signal);
    await findImage(imagesDirOf(config.stateDir), shape.image);
  }
}
