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
  active: async () => (await import("./active.ts")).runActive,
  config: async () => (await import("./config.ts")).runConfig,
  create: async () => (await import("./create.ts")).runCreate,
  env: async () => (await import("./env.ts")).runEnv,
  help: async () => (await import("./help.ts")).runHelp,
  inspect: async () => (await import("./inspect.ts")).runInspect,
  ip: async () => (await import("./ip.ts")).runIp,
  kill: async () => (await import("./stop.ts")).runStop,
  ls: async () => (await import("./list.ts")).runList,
  provision: async () => (await import("./provision.ts")).runProvision,
  rm: async () => (await import("./remove.ts")).runRemove,
  scp: async () => (await import("./scp.ts")).runScp,
  ssh: async () => (await import("./ssh.ts")).runSsh,
  status: async () => (await import("./status.ts")).runStatus,
  stop: async () => (await import("./stop.ts")).runStop,
  url: async () => (await import("./url.ts")).runUrl,
  version: async () => (await import("./version.ts")).runVersion,
};

/** What docker-machine does and a machine for one job has no use for. */
const NOT_HERE: Readonly<Record<string, string>> = {
  start: "a machine that was stopped has ended: create another",
  restart: "a machine serves one job and is never started a second time: create another",
  upgrade: "the engine is that of the pool's image: `mayfly image build` makes a newer one",
  "regenerate-certs": "the certificates of a machine last for as long as it does",
  mount: "use scp, or ssh with tar",
};

/** Runs one call of docker-machine; answers its exit code. */
export async function runDockerMachine(argv: readonly string[], around: Surroundings): Promise<number> {
  try {
    const { env, cwd, io } = around;
    const global = parseFlags(argv, GLOBAL_FLAGS, { stopsAtWord: true });
    const [command, ...args] = global.words;
    const named = global.value("storage-path") || env["MACHINE_STORAGE_PATH"];
    const storagePath = resolve(cwd, named || join(env["HOME"] || "/", ".docker", "machine"));
    const call: Call = { ...around, storagePath, global, args, say: (line) => void io.stdout.write(`${line}\n`) };
    const isHelp = command === undefined || global.flag("help") || args.includes("--help");
    const name = isHelp && command !== "ssh" ? (global.flag("version") ? "version" : "help") : (command ?? "help");
    const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (load === undefined) {
      if (Object.hasOwn(NOT_HERE, name)) throw new CallError(`docker-machine ${name}: ${NOT_HERE[name]}`);
      throw new CallError(`docker-machine: ${JSON.stringify(name)} is not a command. See 'docker-machine --help'.`);
    }
    return await (await load())(call);
  } catch (error) {
    return report(error, around);
  }
}

function report(error: unknown, { io, env }: Surroundings): number {
  const text = error instanceof Error ? error.message : String(error);
  io.stderr.write(`${text}\n`);
  if (error instanceof CallError) return error.exitCode;
  if (env["MACHINE_DEBUG"] && error instanceof Error) io.stderr.write(`${error.stack}\n`);
  return 1;
}
