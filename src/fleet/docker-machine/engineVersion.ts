import { readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import type { IncomingMessage } from "node:http";
import { CallError } from "./errors.ts";
import type { MachineFile } from "./machineFile.ts";

/** Asks the engine of a machine for its version, as a docker client with its certificates does. @throws CallError, also after `ms`. */
export async function askEngineVersion({ Name, Driver, HostOptions }: MachineFile, ms: number): Promise<string> {
  const pem = (file: string): Buffer => readFileSync(join(HostOptions.AuthOptions.StorePath, file));
  try {
    const asked = request(`${Driver.Mayfly.URL.replace(/^tcp:/, "https:")}/version`, {
      ...{ ca: pem("ca.pem"), cert: pem("cert.pem"), key: pem("key.pem") },
      ...{ agent: false, signal: AbortSignal.timeout(ms) },
    });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      asked.once("response", resolve);
      asked.on("error", reject);
    });
    asked.end();
    return ((await json(await answered)) as { Version: string }).Version;
  } catch (error) {
    throw new CallError(`the engine of ${JSON.stringify(Name)} does not answer: ${(error as Error).message}`);
  }
}
