import type { Call } from "./call.ts";
import { parseFlags } from "./flags.ts";
import { nameOf, readMachine } from "./machineFile.ts";

/** `inspect [-f TEMPLATE] [NAME]`: what the machine's file says. Asks nobody. */
export async function runInspect(call: Call): Promise<number> {
  const flags = parseFlags(call.args, { format: "value", f: { means: "format" } });
  const file = readMachine(call, nameOf(call, flags.words));
  const format = flags.value("format");
  if (format === undefined || format === "") {
    call.say(JSON.stringify(file, undefined, 4));
    return 0;
  }
  const { parseTemplate } = await import("./template.ts");
  call.say(parseTemplate(format)(file));
  return 0;
}
