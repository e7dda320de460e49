import { join } from "node:path";
import type { Call } from "./call.ts";
import { askDaemon, socketOf } from "./daemon.ts";
import { parseFlags } from "./flags.ts";
import { nameOf, readMachine } from "./machineFile.ts";

/** `config [NAME]`: the flags of a docker client, once the machine's engine has answered. No provider is asked. */
export async function runConfig(call: Call): Promise<number> {
  const { words } = parseFlags(call.args, { swarm: "boolean", timeout: "value", t: { means: "timeout" } });
  const { Driver, HostOptions } = readMachine(call, nameOf(call, words));
  const { Id, URL } = Driver.Mayfly;
  await askDaemon(call, socketOf(call, Driver.Mayfly), "POST", `/v1/docker-machines/${Id}/probe`);
  const dir = HostOptions.AuthOptions.StorePath;
  const file = (name: string): string => JSON.stringify(join(dir, name));
  call.say(`--tlsverify
--tlscacert=${file("ca.pem")}
--tlscert=${file("cert.pem")}
--tlskey=${file("key.pem")}
-H=${URL}`);
  return 0;
}
