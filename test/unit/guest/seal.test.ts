import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/daemon/clock.ts";
import { machineIdFrom } from "../../../src/domain/ids.ts";
import { openChannel } from "../../../src/guest/handshake.ts";
import { sealAgain, sealMachine } from "../../../src/guest/seal.ts";
import type { Channel } from "../../../src/ports/channel.ts";
import type { KnownKeys, MachineClaim } from "../../../src/ports/guest.ts";
import type { TestSshd } from "../../support/sshd.ts";
import { startSshd } from "../../support/sshd.ts";

const always = new AbortController().signal;

let sshd: TestSshd;
let channel: Channel;

const open = (keys: KnownKeys): Promise<Channel> =>
  openChannel(sshd.address, keys, sshd.user, 5_000, systemClock, always);
const iptablesCalls = (): string[] => readFileSync(join(sshd.folder, "iptables"), "utf8").trim().split("\n");

beforeEach(async () => {
  sshd = await startSshd();
  // Root's rights over the machine's own files, here over those of the test; a rule is never there before it was made.
  sshd.playSudo(`shift; sed "s#/etc/ssh/#${sshd.folder}/#" | "$@"`);
  sshd.playProgram("systemctl", `[ "$*" = "reload ssh.service" ] && kill -HUP "$(cat ${sshd.folder}/sshd.pid)"`);
  sshd.playProgram("iptables", `echo "$*" >>${sshd.folder}/iptables; case "$*" in *--check*) exit 1 ;; esac`);
  channel = await open(sshd.keys);
});
afterEach(async () => {
  channel.close();
  await sshd.stop();
});

describe("sealMachine", () => {
  it("has the machine show a key of its own making, which was kept before, and keeps the connection", async () => {
    const kept: string[] = [];
    const handedIn = readFileSync(join(sshd.folder, "ssh_host_ed25519_key"), "utf8");
    const shownWhenKept: string[] = [];

    await sealMachine(
      { channel },
      undefined,
      async (publicKey) => {
        kept.push(publicKey);
        shownWhenKept.push(readFileSync(join(sshd.folder, "ssh_host_ed25519_key"), "utf8"));
      },
      systemClock,
      always,
    );

    expect(kept).toEqual([expect.stringMatching(/^ssh-ed25519 \S+ \S+$/)]);
    expect(shownWhenKept).toEqual([handedIn]);
    const hostKeys = kept;
    await expect.poll(() => open({ ...sshd.keys, hostKeys }).then(close, problemOf)).toBe("connected");
    expect(await open(sshd.keys).then(close, problemOf)).toBe("host-key-changed");
    const running = await channel.exec("echo alive", {}, always);
    expect(await text(running.stdout)).toBe("alive\n");
  });

  it("leaves the private half to root alone", async () => {
    await sealMachine({ channel }, undefined, async () => undefined, systemClock, always);

    expect(statSync(join(sshd.folder, "ssh_host_ed25519_key")).mode & 0o777).toBe(0o600);
  });

  it("can be done again, as after a manager that was killed in between", async () => {
    const kept: string[] = [];
    const keep = async (publicKey: string): Promise<void> => void kept.push(publicKey);

    await sealMachine({ channel }, undefined, keep, systemClock, always);
    await sealMachine({ channel }, undefined, keep, systemClock, always);

    expect(new Set(kept).size).toBe(2);
    const hostKeys = kept.slice(1);
    await expect.poll(() => open({ ...sshd.keys, hostKeys }).then(close, problemOf)).toBe("connected");
  });

  it("closes the metadata service to the machine's processes and to its containers", async () => {
    await sealMachine({ channel }, undefined, async () => undefined, systemClock, always);

    expect(iptablesCalls().filter((call) => call.includes("--insert"))).toEqual([
      "--wait --insert OUTPUT --destination 169.254.169.254 --jump REJECT",
      // Inserted later, so it comes before: but for the one account that hears of the machine's end.
      "--wait --insert OUTPUT --destination 169.254.169.254 --match owner --uid-owner 61000 --jump ACCEPT",
      "--wait --table raw --insert PREROUTING --destination 169.254.169.254 --jump DROP",
    ]);
  });

  it("adds no rule that is there", async () => {
    sshd.playProgram("iptables", `echo "$*" >>${sshd.folder}/iptables`);

    await sealMachine({ channel }, undefined, async () => undefined, systemClock, always);

    expect(iptablesCalls().every((call) => call.includes("--check"))).toBe(true);
  });

  it("does without the exception where the kernel cannot tell accounts apart", async () => {
    sshd.playProgram("iptables", `case "$*" in *owner*) exit 2 ;; *--check*) exit 1 ;; esac`);

    await sealMachine({ channel }, undefined, async () => undefined, systemClock, always);
  });

  it("closes it again after a start, and leaves the key as it is", async () => {
    const key = readFileSync(join(sshd.folder, "ssh_host_ed25519_key"), "utf8");

    await sealAgain({ channel }, systemClock, always);

    expect(iptablesCalls().filter((call) => call.includes("--insert"))).toHaveLength(3);
    expect(readFileSync(join(sshd.folder, "ssh_host_ed25519_key"), "utf8")).toBe(key);
  });

  it("shows no new key that could not be kept", async () => {
    const full = new Error("disk full");

    await expect(sealMachine({ channel }, undefined, () => Promise.reject(full), systemClock, always)).rejects.toBe(
      full,
    );

    expect(await open(sshd.keys).then(close, problemOf)).toBe("connected");
  });

  describe("of a machine that was told the same as others", () => {
    const claim = { machineId: machineIdFrom("m-first"), instanceName: "i-0123456789abcdef0" };
    const seal = (one: MachineClaim, keep = async (): Promise<void> => undefined): Promise<void> =>
      sealMachine({ channel }, one, keep, systemClock, always);
    const readOf = (path: string): string => readFileSync(join(sshd.folder, path), "utf8");

    beforeEach(() => {
      for (const folder of ["etc/ssh", "proc/sys/kernel", "var/lib/cloud/data"])
        mkdirSync(join(sshd.folder, folder), { recursive: true });
      writeFileSync(join(sshd.folder, "var/lib/cloud/data/instance-id"), `${claim.instanceName}\n`);
      const { folder } = sshd;
      const elsewhere = `s#/etc/ssh/#${folder}/#; s#/etc/\\([hm]\\)#${folder}/etc/\\1#g; s#/proc/sys#${folder}/proc/sys#; s#/var/lib#${folder}/var/lib#`;
      sshd.playSudo(`shift; sed "${elsewhere}" | "$@"`);
    });

    it("gives it its name, which it is told once it has said which instance it is", async () => {
      await seal(claim);

      expect(readOf("proc/sys/kernel/hostname")).toBe("m-first\n");
      expect(readOf("etc/hostname")).toBe("m-first\n");
      expect(readOf("etc/hosts")).toBe(
        "127.0.0.1 localhost\n127.0.1.1 m-first\n::1 localhost ip6-localhost ip6-loopback\n",
      );
    });

    it("can be done again for the same machine, and never for another one", async () => {
      await seal(claim);
      await seal(claim);

      await expect(seal({ ...claim, machineId: machineIdFrom("m-second") })).rejects.toMatchObject({
        code: "seal-failed",
        message: expect.stringContaining("seal/claim.sh exited with 3: it is machine m-first already"),
      });
      expect(readOf("etc/hostname")).toBe("m-first\n");
    });

    it("fails, with nothing changed and no key kept, when it is another instance or somebody who plays it", async () => {
      const kept: unknown[] = [];
      const keep = async (...args: unknown[]): Promise<void> => void kept.push(args);

      await expect(seal({ ...claim, instanceName: "i-0000000000000000f" }, keep)).rejects.toMatchObject({
        code: "seal-failed",
        message: expect.stringContaining('it is "i-0123456789abcdef0" and not the instance that it was taken for'),
      });
      expect(kept).toEqual([]);
      expect(existsSync(join(sshd.folder, "etc/hostname"))).toBe(false);
      expect(await open(sshd.keys).then(close, problemOf)).toBe("connected");
    });
  });

  it("fails when the machine cannot, with what it said", async () => {
    sshd.playProgram("iptables", "echo 'no such table' >&2; exit 3");

    await expect(sealMachine({ channel }, undefined, async () => undefined, systemClock, always)).rejects.toMatchObject(
      {
        code: "seal-failed",
        message: expect.stringContaining("cloud-init/seal/close-metadata.sh exited with 3: no such table"),
      },
    );
  });

  it("fails when the machine answers something else than a key", async () => {
    sshd.playProgram("ssh-keygen", 'for last; do :; done; echo rubbish >"$last.pub"; : >"$last"');

    await expect(sealMachine({ channel }, undefined, async () => undefined, systemClock, always)).rejects.toMatchObject(
      {
        code: "seal-failed",
        message: expect.stringContaining('"rubbish"'),
      },
    );
  });
});

function close(opened: Channel): string {
  opened.close();
  return "connected";
}

const problemOf = (error: unknown): string => (error as { readonly code: string }).code;
