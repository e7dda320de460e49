import type { Outcome } from "../cli.ts";

/** Runs docker-machine once. */
export type CallDockerMachine = (...args: readonly string[]) => Promise<Outcome>;

/** Where a machine's engine is, and what its clients prove themselves with. */
export interface MachineCredentials {
  readonly url: string;
  readonly certPath: string;
}

const BUG = "--bugsnag-api-token=no-report";

/**
 * Creates a machine with the calls that GitLab's docker+machine executor makes of docker-machine.
 * @param onCreated told between its creation and its first use.
 * @throws Error that shows what a call said that failed, or that had something for the runner's error log.
 */
export async function createMachine(
  call: CallDockerMachine,
  name: string,
  onCreated: () => Promise<void> = async () => undefined,
): Promise<MachineCredentials> {
  await said(call, "create", "--driver", "mayfly", name);
  await onCreated();
  // Whether it can be reached is asked before its use, and again with its credentials.
  await said(call, "config", name);
  await said(call, "config", name);
  const url = await said(call, "url", name);
  const certPath = await said(call, "inspect", name, "-f", "{{.HostOptions.AuthOptions.StorePath}}");
  return { url, certPath };
}

/** Removes a machine as that executor does. */
export async function removeMachine(call: CallDockerMachine, name: string): Promise<void> {
  await said(call, "inspect", name);
  await said(call, "stop", name);
  await said(call, "rm", "-y", name);
}

/** Answers what a call printed that must not fail. */
export async function said(call: CallDockerMachine, ...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await call(BUG, ...args);
  if (exitCode === 0 && stderr === "") return stdout.trim();
  throw new Error(`docker-machine ${args.join(" ")} ended with ${exitCode}:\n${stdout}${stderr}`);
}
