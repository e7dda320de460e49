import { homedir } from "node:os";
import { resolve } from "node:path";
import type { Command } from "commander";
import type { LoadedConfig } from "../config/load.ts";

/** What a command knows of the world around it: the global options, the environment, the streams. */
export interface CommandContext {
  /** The file that `--config` names, as given. */
  readonly configOption: string | undefined;
  /** Whether data goes to stdout as JSON. */
  readonly isJson: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: NodeJS.ReadStream;
  /** For data alone. */
  readonly stdout: NodeJS.WriteStream;
  /** For progress, logs and errors. */
  readonly stderr: NodeJS.WriteStream;
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
  const { env, stdin, stdout, stderr } = process;
  const cwd = process.cwd();

  const load = async (file = options.config): Promise<LoadedConfig> => {
    const { loadConfig } = await import("../config/load.ts");
    return loadConfig(file, { env, cwd, homeDir: homedir(), isRoot: process.geteuid?.() === 0 });
  };
  const socketOption = options.socket ?? (env["MAYFLY_SOCKET"] || undefined);
  return {
    configOption: options.config,
    isSocketNamed: socketOption !== undefined,
    isJson: options.json === true,
    env,
    cwd,
    stdin,
    stdout,
    stderr,
    loadConfig: load,
    async socketPath() {
      return socketOption === undefined ? (await load()).config.api.socket : resolve(cwd, socketOption);
    },
    setExitCode: (code) => {
      process.exitCode = code;
    },
  };
}
