import { join, resolve } from "node:path";
import type { Call, Surroundings } from "./call.ts";
import { CallError } from "./errors.ts";
import { parseFlags } from "./flags.ts";
import type { FlagSpec } from "./flags.ts";

/** What stands before the command. Those that have no use here are taken and ignored. */
const GLOBAL_FLAGS: FlagSpec = {
  debug: "boolean",
  D: { means: "debug" },
  "storage-path": "value",
  s: { means: "storage-path" },
  "tls-ca-cert": "value",
  "tls-ca-key": "value",
  "tls-client-cert": "value",
  "tls-client-key": "value",
  "github-api-token": "value",
  "native-ssh": "boolean",
  "bugsnag-api-token": "value",
  help: "boolean",
  h: { means: "help" },
  version: "boolean",
  v: { means: "version" },
};

type Run = (call: Call) => number | Promise<number>;

/** Each is loaded when it is asked for: most calls need a file of a machine's directory and nothing else. */
const COMMANDS: Readonly<Record<string, () => Promise<Run>>> = {
  config: async () => (await import("./config.ts")).runConfig,
  create: async () => (await import("./create.ts")).runCreate,
  inspect: async () => (await import("./inspect.ts")).runInspect,
  rm: async () => (await import("./remove.ts")).runRemove,
  stop: async () => (await import("./stop.ts")).runStop,
  url: async () => (await import("./url.ts")).runUrl,
};

/** Runs one call of docker-machine; answers its exit code. */
export async function runDockerMachine(argv: readonly string[], around: Surroundings): Promise<number> {
  try {
    const { env, cwd, stdout } = around;
    const global = parseFlags(argv, GLOBAL_FLAGS, { stopsAtWord: true });
    const [command, ...args] = global.words;
    const named = global.value("storage-path") || env["MACHINE_STORAGE_PATH"];
    const storagePath = resolve(cwd, named || join(env["HOME"] || "/", ".docker", "machine"));
    const call: Call = { ...around, storagePath, global, args, say: (line) => void stdout.write(`${line}\n`) };
    const name = command ?? (global.flag("version") ? "version" : "help");
    const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (load === undefined) {
      throw new CallError(`docker-machine: ${JSON.stringify(name)} is not a command. See 'docker-machine --help'.`);
    }
    return await (await load())(call);
  } catch (error) {
    return report(error, around);
  }
}

function report(error: unknown, { stderr, env }: Surroundings): number {
  const text = error instanceof Error ? error.message : String(error);
  stderr.write(`${text}\n`);
  if (error instanceof CallError) return error.exitCode;
  if (env["MACHINE_DEBUG"] && error instanceof Error) stderr.write(`${error.stack}\n`);
  return 1;
}
