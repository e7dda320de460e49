import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/daemon/clock.ts";
import { forgetIdentity } from "../../../src/guest/forget.ts";
import type { Channel, ExecExit } from "../../../src/ports/channel.ts";

// The script itself, on a folder in the place of the machine's root, with programs that only say that they were called.

const always = new AbortController().signal;
/** Where the script reaches into the machine; nothing of this host is meant. */
const MACHINE_PATH = /(?<![\w.*/-])\/(?=etc|var|root|home)/g;

let root: string;
let calls: () => string[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "mayfly-forget-"));
  const programs = join(root, "bin");
  mkdirSync(programs);
  calls = () => readFileSync(join(root, "calls"), "utf8").trim().split("\n");
  for (const name of ["cloud-init", "systemctl", "userdel", "apt-get", "sync"]) play(name, "");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const play = (name: string, script: string): void =>
  writeFileSync(join(root, "bin", name), `#!/bin/sh\necho "${name} $*" >>${root}/calls\n${script}\n`, { mode: 0o755 });

const put = (path: string, content = "secret"): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
};

/** A machine's files; those that an image may hold among them. */
function putMachine(): void {
  for (const path of [
    ...["etc/ssh/ssh_host_ed25519_key", "etc/ssh/ssh_host_ed25519_key.pub", "etc/ssh/ssh_host_rsa_key"],
    ...["root/.ssh/authorized_keys", "home/admin/.ssh/authorized_keys", "root/.bash_history"],
    ...["etc/sudoers.d/90-cloud-init-users", "etc/docker/daemon.json", "etc/docker/key.json"],
    ...["var/lib/docker/engine-id", "var/lib/docker/network/files/local-kv.db", "var/lib/dbus/machine-id"],
    ...["var/lib/systemd/random-seed", "var/lib/systemd/credential.secret", "var/lib/dhcp/dhclient.leases"],
    ...["etc/netplan/50-cloud-init.yaml", "etc/network/interfaces.d/50-cloud-init", "var/log/journal/1/system.journal"],
    ...["etc/machine-id", "etc/hostname", "etc/hosts", "var/log/auth.log"],
    ...["etc/ssh/sshd_config", "usr/bin/dockerd", "etc/sudoers.d/README", "home/admin/.profile"],
  ])
    put(path);
}

/** Every file that still holds what only this machine knew. */
function secretFiles(folder = root, at = ""): string[] {
  return readdirSync(join(folder, at), { withFileTypes: true }).flatMap((entry) => {
    const path = join(at, entry.name);
    if (entry.isDirectory()) return secretFiles(folder, path);
    return readFileSync(join(folder, path), "utf8") === "secret" ? [path] : [];
  });
}

/** Runs what comes in as root's script on the folder. @throws when any of it would reach this host. */
const channel: Channel = {
  async exec(command) {
    expect(command).toBe("sudo -n sh -s");
    const stdin = new PassThrough();
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const run = async (): Promise<ExecExit> => {
      const script = (await text(stdin)).replaceAll(MACHINE_PATH, `${root}/`);
      const reached = script.replaceAll(`${root}/`, "").match(/(?:^|\s|>)\/[a-z]\S*/gm);
      if (reached !== null) throw new Error(`the script would reach ${reached.join(", ")}`);
      const env = { PATH: `${join(root, "bin")}:/usr/bin:/bin`, SUDO_USER: "runner" };
      const child = spawn("sh", ["-s"], { env, cwd: root, stdio: "pipe" });
      child.stdin.end(script);
      child.stdout.pipe(stdout);
      child.stderr.pipe(stderr);
      return new Promise((resolve) => child.once("close", (code) => resolve({ exitCode: code ?? undefined })));
    };
    const exited = run();
    exited.catch((error: unknown) => [stdout, stderr].map((stream) => stream.destroy(error as Error)));
    return { stdin, stdout, stderr, exited, resize: () => undefined, close: () => undefined };
  },
  forward: () => Promise.reject(new Error("nothing is forwarded")),
  closed: new Promise(() => undefined),
  close: () => undefined,
};

const forget = (): Promise<void> => forgetIdentity({ channel }, systemClock, always);

describe("forgetIdentity", () => {
  it("leaves nothing on a machine that only this one knew, and all that was installed", async () => {
    putMachine();

    await forget();

    const kept = ["etc/ssh/sshd_config", "etc/sudoers.d/README", "home/admin/.profile", "usr/bin/dockerd"];
    expect(secretFiles().toSorted()).toEqual(kept);
    expect(readFileSync(join(root, "etc/machine-id"), "utf8")).toBe("");
    expect(readFileSync(join(root, "etc/hostname"), "utf8")).toBe("localhost\n");
    expect(existsSync(join(root, "var/log/auth.log"))).toBe(true);
  });

  it("waits for cloud-init, stops the engine before it erases its state, and takes the account that it came by", async () => {
    putMachine();

    await forget();

    expect(calls()).toEqual([
      "cloud-init status --wait",
      "systemctl stop docker.socket docker.service containerd.service",
      "userdel --force --remove runner",
      "cloud-init clean --logs --seed",
      "systemctl stop systemd-random-seed.service",
      "apt-get clean",
      "sync",
    ]);
  });

  it("takes cloud-init's warnings as they are, and its failure for one", async () => {
    putMachine();
    play("cloud-init", '[ "$1" = clean ] || exit 2');
    await forget();
    play("cloud-init", 'echo "status: error"; exit 1');

    await expect(forget()).rejects.toMatchObject({
      code: "forget-failed",
      message: "cloud-init/prepare/forget.sh exited with 1: status: error",
    });
  });

  it.each(["userdel", "systemctl"])("fails, and says why, when %s does", async (program) => {
    putMachine();
    play(program, "echo no way >&2; exit 8");

    await expect(forget()).rejects.toMatchObject({
      code: "forget-failed",
      message: expect.stringMatching(/8: no way$/),
    });
  });
});
