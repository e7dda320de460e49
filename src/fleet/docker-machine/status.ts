import { MachineLostError, NotFoundError } from "../../domain/errors.ts";
import type { Call } from "./call.ts";
import { askDaemon, socketOf } from "./daemon.ts";
import { parseFlags } from "./flags.ts";
import { nameOf, readMachine } from "./machineFile.ts";

/** `status [NAME]`: `Running`; `Timeout` when its engine does not answer; `Error` when the machine has ended, and only its directory is left. */
export async function runStatus(call: Call): Promise<number> {
  const { words } = parseFlags(call.args, {});
  const { Mayfly } = readMachine(call, nameOf(call, words)).Driver;
  call.say(await stateOf(call, socketOf(call, Mayfly), Mayfly.Id));
  return 0;
}

async function stateOf(call: Call, socketPath: string, id: string): Promise<string> {
  try {
    await askDaemon(call, socketPath, "POST", `/v1/docker-machines/${id}/probe`);
    return "Running";
  } catch (error) {
    if (error instanceof NotFoundError) return "Error";
    if (error instanceof MachineLostError) return "Timeout";
    throw error;
  }
}
