import type { Call } from "./call.ts";
import { parseFlags } from "./flags.ts";
import { namesOf, readMachine } from "./machineFile.ts";

/** `ip [NAME…]`: the address of the machine itself; its engine is spoken to at `url`. Asks nobody. */
export function runIp(call: Call): number {
  const { words } = parseFlags(call.args, {});
  for (const name of namesOf(call, words)) call.say(readMachine(call, name).Driver.IPAddress);
  return 0;
}
