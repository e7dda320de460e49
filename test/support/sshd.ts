import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { machineIdFrom } from "../../src/domain/ids.ts";
import type { Address } from "../../src/domain/machine.ts";
import { createKeys } from "../../src/guest/keys.ts";
import type { MachineKeys } from "../../src/ports/guest.ts";
import { freePort } from "./ports.ts";

const MACHINE_CONFIG = fileURLToPath(new URL("../../cloud-init/sshd.conf", import.meta.url));

/** A real sshd of our own on loopback, which lets the user of the tests in with `keys.client`. */
export interface TestSshd {
  readonly address: Address;
  readonly keys: MachineKeys;
  readonly user: string;
  readonly folder: string;
  /** Lets the client's key in from now on; needed only after `isAuthorized: false`. */
  authorize(): void;
  /** What `sudo` does from now on, as a shell script. @default "exit 0" */
  playSudo(script: string): void;
  /** What another program does for whoever logs in, as a shell script. */
  playProgram(name: string, script: string): void;
  /** Stops answering while connections stay open, as a machine that hangs. */
  freeze(): void;
  stop(): Promise<void>;
}

export async function startSshd(
  options: { readonly isAuthorized?: boolean; readonly port?: number; readonly keys?: MachineKeys } = {},
): Promise<TestSshd> {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-sshd-"));
  const keys = options.keys ?? createKeys(machineIdFrom("machine-under-test"));
  const port = options.port ?? (await freePort());
  const hostKeyFile = join(folder, "ssh_host_ed25519_key");
  const authorizedFile = join(folder, "authorized_keys");
  const authorize = (): void => writeFileSync(authorizedFile, `${keys.client.publicKey}\n`, { mode: 0o600 });
  writeFileSync(hostKeyFile, keys.host.privateKey, { mode: 0o600 });
  writeFileSync(authorizedFile, "", { mode: 0o600 });
  if (options.isAuthorized !== false) authorize();
  const programs = join(folder, "bin");
  mkdirSync(programs);
  const playProgram = (name: string, script: string): void =>
    writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const playSudo = (script: string): void => playProgram("sudo", script);
  playSudo("exit 0");
  const configFile = join(folder, "sshd_config");
  writeFileSync(configFile, configFrom(port, hostKeyFile, authorizedFile, programs, join(folder, "sshd.pid")));
  // sshd refuses to start as root without it; Debian's service makes it at each start.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });

  const child = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", configFile], {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  await waitUntilListening(child);
  return {
    address: { host: "127.0.0.1", port },
    keys,
    user: userInfo().username,
    folder,
    authorize,
    playSudo,
    playProgram,
    freeze: () => signalTree(child, "SIGSTOP"),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, "exit");
        signalTree(child, "SIGKILL");
        await exited;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configFrom(
  port: number,
  hostKeyFile: string,
  authorizedFile: string,
  programs: string,
  pidFile: string,
): string {
  return [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${hostKeyFile}`,
    `AuthorizedKeysFile ${authorizedFile}`,
    `PidFile ${pidFile}`,
    // A first bash would read what the tester's own ~/.bashrc says; a machine's account has none of that.
    `SetEnv PATH=${programs}:/usr/local/bin:/usr/bin:/bin SHLVL=1`,
    "StrictModes no",
    "PermitRootLogin yes",
    // The rest is what machines have: the first value of a keyword wins.
    `Include ${MACHINE_CONFIG}`,
    "",
  ].join("\n");
}

function waitUntilListening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`sshd did not start: ${said}`)));
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("Server listening")) resolve();
    });
  });
}

/**
 * Signals sshd and the processes that serve its connections. sshd gives each of those a session of its own. Parents come first: one
 * that sees its child end would still tell the client so, and then it were a process that ended and not a machine that is lost.
 */
function signalTree(child: ChildProcess, signal: NodeJS.Signals): void {
  for (const pid of [child.pid ?? 0, ...descendantsOf(child.pid ?? 0)]) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}

function descendantsOf(pid: number): number[] {
  const children = childrenOf(pid);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

function childrenOf(pid: number): number[] {
  try {
    const listed = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return listed.split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
