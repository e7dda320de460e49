import type { Call } from "./call.ts";
import { askDaemon, socketOf } from "./daemon.ts";
import { parseFlags } from "./flags.ts";
import { namesOf, readMachine } from "./machineFile.ts";

/** `stop [NAME…]`, also `kill`: a machine serves one job and is never started again, so that it is handed over to its end. */
export async function runStop(call: Call): Promise<number> {
  const { words } = parseFlags(call.args, {});
  for (const name of namesOf(call, words)) {
    const { Mayfly } = readMachine(call, name).Driver;
    call.say(`Stopping "${name}"...`);
    await askDaemon(call, socketOf(call, Mayfly), "POST", `/v1/docker-machines/${Mayfly.Id}/remove`);
    call.say(`Machine "${name}" was stopped. It ends now: mayfly starts no machine a second time.`);
  }
  return 0;
}
