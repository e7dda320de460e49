import { resolve } from "node:path";
import type { Call } from "./call.ts";
import { CallError } from "./errors.ts";
import { allMachines } from "./machines.ts";
import type { MachineFile } from "./machineFile.ts";

/** `active`: the machine that this shell's docker speaks to. */
export function runActive(call: Call): number {
  const active = allMachines(call).find(({ file }) => file !== undefined && isActive(call, file));
  if (active === undefined) throw new CallError("No active host found");
  call.say(active.name);
  return 0;
}

/** All machines share one address: it is the certificates that choose among them. */
export function isActive({ env, cwd }: Pick<Call, "env" | "cwd">, { Driver, HostOptions }: MachineFile): boolean {
  const { DOCKER_HOST, DOCKER_CERT_PATH } = env;
  if (DOCKER_HOST !== Driver.Mayfly.URL || !DOCKER_CERT_PATH) return false;
  return resolve(cwd, DOCKER_CERT_PATH) === HostOptions.AuthOptions.StorePath;
}
