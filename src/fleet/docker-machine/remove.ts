import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import type { DockerMachineView } from "../../ports/dockerMachines.ts";
import type { Call } from "./call.ts";
import { askDaemon, socketOf } from "./daemon.ts";
import { CallError } from "./errors.ts";
import { parseFlags } from "./flags.ts";
import { directoryOf, readMachine } from "./machineFile.ts";
import { socketPathOf } from "./socketPath.ts";

/** With `-f` a daemon that is not there is waited for no longer than this: the directory goes all the same. */
const FORCED_AWAY_MS = 2_000;
const PATIENT_AWAY_MS = 20_000;

/**
 * `rm [-f] [-y] NAME…`: hands machines over to their end, which the manager has on its disk when this returns, and removes their
 * directories. With `-f` the directory goes whatever happens, and what is not there is success.
 */
export async function runRemove(call: Call): Promise<number> {
  const flags = parseFlags(call.args, { force: "boolean", f: { means: "force" }, y: "boolean" });
  const isForced = flags.flag("force");
  if (flags.words.length === 0) throw new CallError("Error: Expected to get one or more machine names as arguments");
  call.say(`About to remove ${flags.words.join(", ")}`);
  if (!isForced && !flags.flag("y") && !(await isConfirmed(call))) return 1;
  let exitCode = 0;
  for (const name of flags.words) {
    try {
      await removeOne(call, name, isForced);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      call.io.stderr.write(`Error removing host ${JSON.stringify(name)}: ${text}\n`);
      exitCode = 1;
    }
  }
  return exitCode;
}

async function isConfirmed({ io }: Call): Promise<boolean> {
  io.stdout.write("WARNING: This action will delete both local reference and remote instance.\n");
  const asking = createInterface({ input: io.stdin, output: io.stdout });
  const ended = new Promise<string>((resolve) => asking.once("close", () => resolve("")));
  try {
    return /^y(es)?$/i.test((await Promise.race([asking.question("Are you sure? (y/n): "), ended])).trim());
  } finally {
    asking.close();
  }
}

async function removeOne(call: Call, name: string, isForced: boolean): Promise<void> {
  const dir = directoryOf(call, name);
  if (!existsSync(dir)) {
    if (isForced) return call.say(`There is no machine "${name}"`);
    throw new CallError(`Docker machine ${JSON.stringify(name)} does not exist`);
  }
  try {
    await handOver(call, name, isForced ? FORCED_AWAY_MS : PATIENT_AWAY_MS);
  } catch (error) {
    if (!isForced) throw error;
    const text = error instanceof Error ? error.message : String(error);
    call.io.stderr.write(`${text}; the manager ends the machine once it finds its directory gone\n`);
  }
  await rm(dir, { recursive: true, force: true });
  call.say(`Successfully removed ${name}`);
}

/** Has the manager end a machine. One whose file cannot be read is found by its name. */
async function handOver(call: Call, name: string, awayMs: number): Promise<void> {
  const end = (socketPath: string, id: string): Promise<unknown> =>
    askDaemon(call, socketPath, "POST", `/v1/docker-machines/${id}/remove`, awayMs);
  const file = readable(call, name);
  if (file !== undefined) return void (await end(socketOf(call, file.Driver.Mayfly), file.Driver.Mayfly.Id));
  const socketPath = await socketPathOf(undefined, call);
  const held = (await askDaemon(
    call,
    socketPath,
    "GET",
    "/v1/docker-machines",
    awayMs,
  )) as readonly DockerMachineView[];
  const mine = held.find((one) => one.name === name && one.storagePath === call.storagePath && one.state === "kept");
  if (mine !== undefined) await end(socketPath, mine.id);
}

function readable(call: Call, name: string): ReturnType<typeof readMachine> | undefined {
  try {
    return readMachine(call, name);
  } catch {
    return undefined;
  }
}
