import type { Command } from "commander";
import type { RunningManager } from "../daemon/compose.ts";
import type { ConfigSource } from "../daemon/configSource.ts";
import type { ServeOptions } from "../daemon/serve.ts";
import { ConfigError } from "../domain/errors.ts";
import type { LiveMachine } from "../domain/machine.ts";
import { contextOf } from "./context.ts";
import type { CommandContext } from "./context.ts";
import { EXIT } from "./exit.ts";
import { withInterrupts } from "./interrupts.ts";
import { mayflyVersion } from "./version.ts";

const LEVELS = ["debug", "info", "warn", "error"] as const;
type Level = (typeof LEVELS)[number];

const HELP = `
Signals:
  SIGTERM, SIGINT  stop: take no more jobs, end what waits, let running jobs and held leases end within stop_timeout,
                   then cancel the rest, and terminate all machines; ends with 0 when nothing is left
    a second one   cancel what is left by force, now
    a third one    end the process, now; the next start goes on
  SIGHUP           read the config file again and apply it, as a change of the file does by itself
  SIGUSR2          leave machines and running jobs to the next manager: for restarts and upgrades
`;

/** Adds `mayfly daemon`. */
export function addDaemonCommand(program: Command): void {
  program
    .command("daemon")
    .option("--log-level <level>", `what is logged to stderr: ${LEVELS.join(", ")}`, "info")
    .description("run the manager, until a signal stops it")
    .addHelpText("after", HELP)
    .action((options: { logLevel: string }, command: Command) =>
      runDaemon(levelFrom(options.logLevel), contextOf(command)),
    );
}

async function runDaemon(level: Level, context: CommandContext): Promise<void> {
  const { keepHeapSmall } = await import("../daemon/smallHeap.ts");
  keepHeapSmall();
  const { systemClock: clock } = await import("../daemon/clock.ts");
  const { createLogger } = await import("../daemon/logger.ts");
  const { startManager } = await import("../daemon/start.ts");
  const { watchFile } = await import("../daemon/watchFile.ts");
  const loaded = await context.loadConfig();
  const { config, path } = loaded;
  const socketPath = await context.socketPath();
  const version = mayflyVersion();
  const logger = createLogger(level, context.stderr);
  const configSource: ConfigSource = {
    load: () => context.loadConfig(path),
    watch: path === undefined ? undefined : (...told) => watchFile(path, clock, ...told),
  };
  const { pruneCompiledCode } = await import("../fleet/pruneCompiled.ts");
  pruneCompiledCode(process.env, clock.now()).catch((err: unknown) =>
    logger.warn({ err }, "could not remove old compiled code"),
  );
  const start = () => startManager(loaded, version, logger, { resumesJobs: true, configSource });
  const left = await serveUntilSignalled(start, {
    socketPath,
    tcp: config.api.tcp,
    metricsAt: config.metrics?.listen,
    version,
    logger,
    clock,
  });
  logger.info({ machinesLeft: left.map((machine) => machine.id) }, "stopped");
  if (left.length > 0) context.setExitCode(EXIT.system);
}

/** Runs a manager until this process is signalled to stop or to hand over; SIGHUP has it read its configuration again. Resolves with the machines that could not be ended. */
export async function serveUntilSignalled(
  start: () => Promise<RunningManager>,
  options: ServeOptions,
): Promise<readonly LiveMachine[]> {
  const { serveManager } = await import("../daemon/serve.ts");
  const handOver = new AbortController();
  const onHandOver = (): void => handOver.abort();
  let running: RunningManager | undefined;
  // What went wrong stands in its log and its health.
  const onReload = (): void => void running?.reload("SIGHUP").catch(() => undefined);
  process.on("SIGUSR2", onHandOver);
  process.on("SIGHUP", onReload);
  try {
    return await withInterrupts(async ({ first: stop, second: hurry }) => {
      running = await start();
      return serveManager(running, options, { stop, hurry, handOver: handOver.signal });
    });
  } finally {
    process.off("SIGHUP", onReload);
    process.off("SIGUSR2", onHandOver);
  }
}

function levelFrom(text: string): Level {
  const level = LEVELS.find((known) => known === text);
  if (level !== undefined) return level;
  throw new ConfigError([{ place: "--log-level", message: `expected one of ${LEVELS.join(", ")}, got "${text}"` }]);
}
