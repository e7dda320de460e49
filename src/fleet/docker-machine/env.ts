import { basename } from "node:path";
import type { Call } from "./call.ts";
import { askDaemon, socketOf } from "./daemon.ts";
import { CallError } from "./errors.ts";
import { parseFlags } from "./flags.ts";
import { nameOf, readMachine } from "./machineFile.ts";

const VARIABLES = ["DOCKER_TLS_VERIFY", "DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_MACHINE_NAME"] as const;

/** How a shell sets a variable, forgets one, and runs what a program says. */
interface Shell {
  readonly set: (name: string, value: string) => string;
  readonly unset: (name: string) => string;
  readonly hint: (command: string) => string;
}

const posix: Shell = {
  set: (name, value) => `export ${name}=${JSON.stringify(value)}`,
  unset: (name) => `unset ${name}`,
  hint: (command) => `# eval $(${command})`,
};
const SHELLS: Readonly<Record<string, Shell>> = {
  bash: posix,
  sh: posix,
  zsh: posix,
  fish: {
    set: (name, value) => `set -gx ${name} ${JSON.stringify(value)};`,
    unset: (name) => `set -e ${name};`,
    hint: (command) => `# ${command} | source`,
  },
  tcsh: {
    set: (name, value) => `setenv ${name} ${JSON.stringify(value)};`,
    unset: (name) => `unsetenv ${name};`,
    hint: (command) => `# eval \`${command}\``,
  },
  powershell: {
    set: (name, value) => `$Env:${name} = ${JSON.stringify(value)}`,
    unset: (name) => `Remove-Item Env:\\\\${name}`,
    hint: (command) => `# & ${command} | Invoke-Expression`,
  },
  cmd: {
    set: (name, value) => `SET ${name}=${value}`,
    unset: (name) => `SET ${name}=`,
    hint: (command) => `REM \t@FOR /f "tokens=*" %i IN ('${command}') DO @%i`,
  },
  emacs: {
    set: (name, value) => `(setenv ${JSON.stringify(name)} ${JSON.stringify(value)})`,
    unset: (name) => `(setenv ${JSON.stringify(name)} nil)`,
    hint: (command) => `;; (with-temp-buffer (shell-command "${command}" (current-buffer)) (eval-buffer))`,
  },
};

/** `env [--shell SHELL] [-u] [--no-proxy] [NAME]`: what makes a shell's docker speak to a machine, once its engine has answered. */
export async function runEnv(call: Call): Promise<number> {
  const flags = parseFlags(call.args, {
    ...{ shell: "value", unset: "boolean", u: { means: "unset" }, "no-proxy": "boolean", swarm: "boolean" },
    ...{ timeout: "value", t: { means: "timeout" } },
  });
  const name = flags.value("shell") || basename(call.env["SHELL"] || "bash");
  const shell = Object.hasOwn(SHELLS, name) ? SHELLS[name] : undefined;
  if (shell === undefined) {
    throw new CallError(`no shell ${JSON.stringify(name)}: there are ${Object.keys(SHELLS).join(", ")}`);
  }
  const program = ["docker-machine", "env", ...(flags.value("shell") ? ["--shell", name] : [])];
  const hint = (words: readonly string[]): string => shell.hint([...program, ...words].join(" "));
  if (flags.flag("unset")) {
    for (const variable of VARIABLES) call.say(shell.unset(variable));
    call.say(hint(["-u"]));
    return 0;
  }
  const machine = nameOf(call, flags.words);
  const { Driver, HostOptions } = readMachine(call, machine);
  await askDaemon(call, socketOf(call, Driver.Mayfly), "POST", `/v1/docker-machines/${Driver.Mayfly.Id}/probe`);
  const { URL } = Driver.Mayfly;
  const values = ["1", URL, HostOptions.AuthOptions.StorePath, machine];
  for (const [index, variable] of VARIABLES.entries()) call.say(shell.set(variable, values[index] ?? ""));
  if (flags.flag("no-proxy")) call.say(shell.set("NO_PROXY", noProxyFrom(call, URL)));
  call.say(hint([machine]));
  return 0;
}

function noProxyFrom({ env }: Call, url: string): string {
  const host = /^tcp:\/\/(.*):\d+$/.exec(url)?.[1] ?? "";
  const before = (env["NO_PROXY"] ?? env["no_proxy"] ?? "").split(",").filter((one) => one !== "" && one !== host);
  return [...before, host].join(",");
}
