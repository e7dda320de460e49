import { readFileSync } from "node:fs";
import type { Call } from "./call.ts";
import { parseFlags } from "./flags.ts";
import { readMachine } from "./machineFile.ts";

/** The docker-machine whose calls these are. */
const LIKE = "0.16.2";
const ENGINE_MS = 10_000;

/** `version`: this program's; `version NAME`: of that machine's engine. */
export async function runVersion(call: Call): Promise<number> {
  const [name] = parseFlags(call.args, {}).words;
  if (name === undefined) call.say(`docker-machine version ${LIKE}, build mayfly-${mayflyVersion()}`);
  else {
    const { askEngineVersion } = await import("./engineVersion.ts");
    call.say(await askEngineVersion(readMachine(call, name), ENGINE_MS));
  }
  return 0;
}

function mayflyVersion(): string {
  // As far from the sources as from what is built of them.
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
