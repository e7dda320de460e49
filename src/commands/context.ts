import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";
import type { Command } from "commander";
import type { LoadedConfig } from "../config/load.ts";
import { processStreams } from "../fleet/streams.ts";
import type { Streams } from "../fleet/streams.ts";

/**
 * What a command knows of the world around it: the global options, the environment, the streams, of which stdout is for data
 * alone and stderr for progress, logs and errors.
 */
export interface CommandContext extends Streams {
  /** The file that `--config` names, as given. */
  readonly configOption: string | undefined;
  /** Whether data goes to stdout as JSON. */
  readonly isJson: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Reads and checks `file`, else the config that the options and the environment choose. @throws ConfigError with every problem. */
  loadConfig(file?: string): Promise<LoadedConfig>;
  /** Whether `--socket` or MAYFLY_SOCKET names a daemon, so that no other manager will do. */
  readonly isSocketNamed: boolean;
  /** Where the daemon is expected: `--socket`, else MAYFLY_SOCKET, else the config's. @throws ConfigError from the config. */
  socketPath(): Promise<string>;
  /** Sets the code that the process ends with when the command is done. */
  setExitCode(code: number): void;
}

/** Adds the options that every command has to a command and all below it. */
export function addGlobalOptions(command: Command): void {
  command
    .option("-c, --config <file>", "the config (else MAYFLY_CONFIG, ./mayfly.toml, /etc/mayfly/mayfly.toml)")
    .option("--socket <path>", "the daemon's socket (else MAYFLY_SOCKET, else the config's)")
    .option("--json", "print data as JSON");
  for (const child of command.commands) addGlobalOptions(child);
}

/** Answers the context of the command whose action runs. The only place that reads the process for commands. */
export function contextOf(command: Command): CommandContext {
  const options: { config?: string; socket?: string; json?: boolean } = command.optsWithGlobals();
  const { env } = process;
  const cwd = process.cwd();

  const surroundings = { env, cwd, homeDir: homedir(), isRoot: process.geteuid?.() === 0 };
  const load = async (file = options.config): Promise<LoadedConfig> => {
    const { loadConfig } = await import("../config/load.ts");
    return loadConfig(file, surroundings);
  };
  const socketOption = options.socket ?? (env["MAYFLY_SOCKET"] || undefined);
  return {
    configOption: options.config,
    isSocketNamed: socketOption !== undefined,
    isJson: options.json === true,
    env,
    cwd,
    get stdin() {
      return processStreams.stdin;
    },
    get stdout() {
      return processStreams.stdout;
    },
    get stderr() {
      return processStreams.stderr;
    },
    loadConfig: load,
    async socketPath() {
      if (socketOption !== undefined) return resolve(cwd, socketOption);
      const { socketPathFrom } = await import("../config/socketPath.ts");
      const path = await socketPathFrom(options.config, surroundings);
      // Where nobody listens, it may be for what is wrong with the config.
      return path !== undefined && existsSync(path) ? path : (await load()).config.api.socket;
    },
    setExitCode: (code) => {
      process.exitCode = code;
    },
  };
}
