import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { machineIdFrom } from "../../../src/domain/ids.ts";
import { canWake } from "../../../src/drivers/qemu/golden/wake.ts";
import { createKeys } from "../../../src/guest/keys.ts";
import { seedFrom } from "../../../src/guest/seed.ts";
import type { RestoreSeed } from "../../../src/ports/seed.ts";

const limits = { orphanTimeoutMs: 1_800_000, lifetimeMs: 50_000_500 };
const settings = { user: "runner", docker: "dind", dataRoot: "/var/lib/docker" } as const;

async function restoreSeedOf(name: string, more: object = {}): Promise<RestoreSeed> {
  const machineId = machineIdFrom(name);
  const { restore } = await seedFrom([machineId], createKeys(machineId), { ...settings, ...more }, limits);
  if (restore === undefined) throw new Error("Expected a seed to restore with, got none");
  return restore;
}

const fileOf = ({ identity }: RestoreSeed, path: string) => identity.files.find((file) => file.path === path);

describe("what a machine is told that is a copy of another", () => {
  it("is for all of a pool the same template, with no name, key or deadline of any one machine", async () => {
    const [one, other] = [await restoreSeedOf("m-one"), await restoreSeedOf("m-two", { registryMirror: "http://m:1" })];
    const text = JSON.stringify(one.template);

    expect(one.template).toEqual(other.template);
    expect(text).not.toMatch(/m-one|PRIVATE KEY|ssh-ed25519 |mayfly-orphan/);
  });

  it("is another template for another account or data root", async () => {
    const templates = [{}, { user: "builder" }, { dataRoot: "/data" }].map(async (more) =>
      JSON.stringify((await restoreSeedOf("m-one", more)).template),
    );

    expect(new Set(await Promise.all(templates)).size).toBe(3);
  });

  it("is another template for each list of images, which it fetches through the mirror before it is copied", async () => {
    const registryMirror = "http://10.0.2.2:5050";
    const seeds = await Promise.all(
      [[], ["debian:12"], ["debian:12", "alpine"]].map((preload) =>
        restoreSeedOf("m-one", { preload, registryMirror }),
      ),
    );
    const texts = seeds.map(({ template }) => template.userData);
    const told = parse(texts[1] ?? "") as { readonly bootcmd: string[][] };

    expect(new Set(texts).size).toBe(3);
    expect(texts.map((text) => text.includes(registryMirror))).toEqual([false, true, true]);
    expect(seeds.map(({ preload }) => preload)).toEqual([undefined, ["debian:12"], ["debian:12", "alpine"]]);
    expect(told.bootcmd).toHaveLength(1);
    expect(told.bootcmd[0]?.[2]).toMatch(/\nExecStart=\/bin\/sh \/run\/mayfly-preload.sh debian:12\n/);
    expect(JSON.stringify(seeds[1]?.template)).not.toMatch(/m-one|PRIVATE KEY|ssh-ed25519 /);
  });

  it("holds the host key that the manager will be shown, and lets in its key alone", async () => {
    const machineId = machineIdFrom("m-one");
    const keys = createKeys(machineId);
    const { restore } = await seedFrom([machineId], keys, settings, limits);
    const files = restore?.identity.files ?? [];

    expect(files).toEqual(
      expect.arrayContaining([
        { path: "/etc/ssh/ssh_host_ed25519_key", content: keys.host.privateKey, mode: 0o600, owner: "root" },
        {
          path: "/home/runner/.ssh/authorized_keys",
          content: `${keys.client.publicKey}\n`,
          mode: 0o600,
          owner: "runner",
        },
      ]),
    );
    expect(JSON.stringify(restore)).not.toContain(keys.client.privateKey.split("\n")[3]);
  });

  it("counts the lifetime from the waking on, not from the template's boot", async () => {
    const seed = await restoreSeedOf("m-one");

    expect(fileOf(seed, "/etc/systemd/system/mayfly-lifetime.timer")?.content).toContain("\nOnActiveSec=50001s\n");
    expect(fileOf(seed, "/etc/systemd/system/mayfly-orphan.timer")?.content).toContain("\nOnActiveSec=1800s\n");
    expect(seed.identity.units).toEqual(["mayfly-orphan.timer", "mayfly-lifetime.timer", "mayfly-alive.socket"]);
  });

  it("has the engine read its settings again where there is a mirror, and only there", async () => {
    const [without, mirrored] = [
      await restoreSeedOf("m-one"),
      await restoreSeedOf("m-one", { registryMirror: "http://10.0.2.2:5000" }),
    ];

    expect(without.identity.engineSettings).toBeUndefined();
    expect(fileOf(without, "/etc/docker/daemon.json")).toBeUndefined();
    expect(mirrored.identity.engineSettings).toBe("http://10.0.2.2:5000");
    expect(fileOf(mirrored, "/etc/docker/daemon.json")?.content).toContain('"registry-mirrors"');
  });

  it("fits on the disk that it is read from", async () => {
    expect(canWake((await restoreSeedOf("m-one", { registryMirror: "http://10.0.2.2:5000" })).identity)).toBe(true);
  });

  it("is not there for stock images, nor for several machines at once", async () => {
    const ids = ["m-one", "m-two"].map(machineIdFrom);
    const keys = createKeys(machineIdFrom("m-one"));

    expect(await seedFrom(ids.slice(0, 1), keys, { ...settings, engine: "install" }, limits)).not.toHaveProperty(
      "restore",
    );
    expect(await seedFrom(ids, keys, settings, limits)).not.toHaveProperty("restore");
  });
});
