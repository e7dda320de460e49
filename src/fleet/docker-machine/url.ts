import type { Call } from "./call.ts";
import { parseFlags } from "./flags.ts";
import { namesOf, readMachine } from "./machineFile.ts";

/** `url [NAME…]`: where the engine is spoken to. Asks nobody. */
export function runUrl(call: Call): number {
  const { words } = parseFlags(call.args, { timeout: "value", t: { means: "timeout" } });
  for (const name of namesOf(call, words)) call.say(readMachine(call, name).Driver.Mayfly.URL);
  return 0;
}
