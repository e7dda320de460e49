import type { Command } from "commander";
import type { RunningManager } from "../daemon/compose.ts";
import { ConfigError } from "../domain/errors.ts";
import type { LiveMachine } from "../domain/machine.ts";
import { contextOf } from "./context.ts";
import type { CommandContext } from "./context.ts";
import { EXIT } from "./exit.ts";
import { withInterrupts } from "./interrupts.ts";
import { mayflyVersion } from "./version.ts";

const LEVELS = ["debug", "info", "warn", "error"] as const;
type Level = (typeof LEVELS)[number];

/** Adds `mayfly daemon`. */
export function addDaemonCommand(program: Command): void {
  program
    .command("daemon")
    .option("--log-level <level>", `what is logged to stderr: ${LEVELS.join(", ")}`, "info")
    .description(
      "run the manager until SIGINT or SIGTERM, which end jobs and machines (a second one does not wait for jobs), or SIGUSR2, which leaves both to the next manager",
    )
    .action((options: { logLevel: string }, command: Command) =>
      runDaemon(levelFrom(options.logLevel), contextOf(command)),
    );
}

async function runDaemon(level: Level, context: CommandContext): Promise<void> {
  const { startApiServer } = await import("../api/server.ts");
  const { createLogger } = await import("../daemon/logger.ts");
  const { startManager } = await import("../daemon/start.ts");
  const { config } = await context.loadConfig();
  const socketPath = await context.socketPath();
  const version = mayflyVersion();
  const logger = createLogger(level, context.stderr);

  const handOver = new AbortController();
  const onHandOver = (): void => handOver.abort();
  process.on("SIGUSR2", onHandOver);
  await withInterrupts(async (interrupts) => {
    const running = await startManager(config, version, logger);
    try {
      const server = await startApiServer({ manager: running.manager, socketPath, logger, version });
      logger.info(
        { socketPath, stateDir: config.stateDir, pools: config.pools.map((pool) => pool.name) },
        "manager is ready",
      );
      await aborted(AbortSignal.any([interrupts.first, handOver.signal]));
      const text = interrupts.first.aborted ? "jobs are cancelled, machines terminated" : "the next manager goes on";
      logger.info({}, `stopping: ${text}`);
      await server.close();
    } finally {
      const isHandedOver = handOver.signal.aborted && !interrupts.first.aborted;
      const left = isHandedOver ? await leave(running) : await running.close(interrupts.second);
      logger.info({ machinesLeft: left.map((machine) => machine.id) }, isHandedOver ? "handed over" : "stopped");
      if (left.length > 0) context.setExitCode(EXIT.system);
    }
  }).finally(() => process.off("SIGUSR2", onHandOver));
}

/** What is left behind on purpose is no failure. */
async function leave(running: RunningManager): Promise<readonly LiveMachine[]> {
  await running.handOver();
  return [];
}

function levelFrom(text: string): Level {
  const level = LEVELS.find((known) => known === text);
  if (level !== undefined) return level;
  throw new ConfigError([{ place: "--log-level", message: `expected one of ${LEVELS.join(", ")}, got "${text}"` }]);
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
