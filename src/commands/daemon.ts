import type { Command } from "commander";
import type { RunningManager } from "../daemon/compose.ts";
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
  const { systemClock: clock } = await import("../daemon/clock.ts");
  const { createLogger } = await import("../daemon/logger.ts");
  const { startManager } = await import("../daemon/start.ts");
  const { config } = await context.loadConfig();
  const { stopTimeoutMs } = config;
  const socketPath = await context.socketPath();
  const version = mayflyVersion();
  const logger = createLogger(level, context.stderr);
  const start = () => startManager(config, version, logger);
  const left = await serveUntilSignalled(start, {
    socketPath,
    tcp: config.api.tcp,
    version,
    logger,
    clock,
    stopTimeoutMs,
  });
  logger.info({ machinesLeft: left.map((machine) => machine.id) }, "stopped");
  if (left.length > 0) context.setExitCode(EXIT.system);
}

/** Runs a manager until this process is signalled to stop or to hand over. Resolves with the machines that could not be ended. */
export async function serveUntilSignalled(
  start: () => Promise<RunningManager>,
  options: ServeOptions,
): Promise<readonly LiveMachine[]> {
  const { serveManager } = await import("../daemon/serve.ts");
  const handOver = new AbortController();
  const onHandOver = (): void => handOver.abort();
  process.on("SIGUSR2", onHandOver);
  try {
    return await withInterrupts(async ({ first: stop, second: hurry }) =>
      serveManager(await start(), options, { stop, hurry, handOver: handOver.signal }),
    );
  } finally {
    process.off("SIGUSR2", onHandOver);
  }
}

function levelFrom(text: string): Level {
  const level = LEVELS.find((known) => known === text);
  if (level !== undefined) return level;
  throw new ConfigError([{ place: "--log-level", message: `expected one of ${LEVELS.join(", ")}, got "${text}"` }]);
}
