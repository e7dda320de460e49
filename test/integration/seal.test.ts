import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import { machineIdFrom } from "../../src/domain/ids.ts";
import type { Address } from "../../src/domain/machine.ts";
import type { GuestSettings } from "../../src/domain/pool.ts";
import { findImage } from "../../src/drivers/qemu/image/find.ts";
import { createGuest } from "../../src/guest/guest.ts";
import type { KnownKeys, MachineKeys, ReadyGuest } from "../../src/ports/guest.ts";
import { silentLogger as logger } from "../support/jobs.ts";
import { createQemuLab } from "../support/qemu.ts";
import type { QemuLab } from "../support/qemu.ts";

/** Set by the integration tier's setup to where it built the guest image. */
const imagesDir = process.env["MAYFLY_TEST_IMAGES_DIR"];
const MINUTE_MS = 60_000;
const never = new AbortController().signal;
const SETTINGS: GuestSettings = { user: "runner", docker: "dind", dataRoot: "/var/lib/docker" };

// What is done on EC2 alone, done on a real machine: real sshd under real systemd, real iptables, as the account of jobs.
describe.skipIf(imagesDir === undefined)("sealing (MAYFLY_TEST_IMAGES_DIR says where the image is)", () => {
  const guest = createGuest({ clock, logger });
  let lab: QemuLab;
  let address: Address;
  let keys: MachineKeys;
  let ready: ReadyGuest;
  const hostKeys: string[] = [];

  const connect = (known: KnownKeys): Promise<ReadyGuest> =>
    guest.connect(address, known, SETTINGS, AbortSignal.timeout(5 * MINUTE_MS));
  const outputOf = async (command: string): Promise<string> => {
    const { stdin, stdout } = await ready.channel.exec(`${command} 2>&1`, {}, never);
    stdin.end();
    return (await text(stdout)).trim();
  };

  beforeAll(async () => {
    lab = await createQemuLab(await findImage(imagesDir ?? "", "debian-12"));
    const machineId = machineIdFrom("m-sealed");
    keys = guest.createKeys(machineId);
    const limits = { orphanTimeoutMs: 60 * MINUTE_MS, lifetimeMs: 60 * MINUTE_MS };
    const seed = await guest.seedFrom([machineId], keys, SETTINGS, limits);
    const shape = { driver: "qemu", image: "debian-12", cpus: 2, memoryMiB: 1_024, diskGiB: 8 } as const;
    const spec = { machineId, poolName: "small", shape, seed };
    address = (await lab.createDriver("us").launch(spec, "token", never)).address ?? { host: "", port: 0 };
    ready = await connect(keys);
    await guest.seal(
      ready,
      undefined,
      async (publicKey) => void hostKeys.push(publicKey),
      AbortSignal.timeout(5 * MINUTE_MS),
    );
  });
  afterAll(() => lab.close());

  it("has the machine show a key of its own making, and the one that was handed in no more", async () => {
    const again = await connect({ ...keys, hostKeys });
    again.channel.close();

    await expect(connect(keys)).rejects.toMatchObject({ code: "host-key-changed" });
    expect(hostKeys).toHaveLength(1);
  });

  it("keeps the connection that it was done over", async () => {
    expect(await outputOf("cat /etc/ssh/ssh_host_ed25519_key.pub")).toBe(hostKeys[0]);
  });

  it("turns the machine's own processes away from the metadata service, at once", async () => {
    expect(await outputOf("curl --silent --show-error --max-time 20 http://169.254.169.254/")).toMatch(
      /^curl: \(7\) Failed to connect/,
    );
  });

  it("leaves it open to the one account that hears notices, by a rule that comes first", async () => {
    const rules = (await outputOf("sudo iptables --list-rules OUTPUT")).split("\n");

    expect(rules.filter((rule) => rule.includes("169.254.169.254"))).toEqual([
      expect.stringMatching(/--uid-owner 61000 -j ACCEPT$/),
      expect.stringMatching(/-j REJECT/),
    ]);
  });

  it("drops what containers send there", async () => {
    expect(await outputOf("sudo iptables --table raw --list-rules PREROUTING")).toContain(
      "-A PREROUTING -d 169.254.169.254/32 -j DROP",
    );
  });
});
