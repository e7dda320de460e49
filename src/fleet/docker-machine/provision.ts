import type { Call } from "./call.ts";
import { askDaemon, socketOf } from "./daemon.ts";
import { parseFlags } from "./flags.ts";
import { namesOf, readMachine } from "./machineFile.ts";

/** `provision [NAME…]`: machines are ready when they are made, so that there is nothing to do but to see that they are. */
export async function runProvision(call: Call): Promise<number> {
  const { words } = parseFlags(call.args, {});
  for (const name of namesOf(call, words)) {
    const { Mayfly } = readMachine(call, name).Driver;
    await askDaemon(call, socketOf(call, Mayfly), "POST", `/v1/docker-machines/${Mayfly.Id}/probe`);
    call.say(`Machine "${name}" is ready: its engine answers.`);
  }
  return 0;
}
