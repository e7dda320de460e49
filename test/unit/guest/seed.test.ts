import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { machineIdFrom } from "../../../src/domain/ids.ts";
import { createKeys } from "../../../src/guest/keys.ts";
import { seedFrom } from "../../../src/guest/seed.ts";
import { armingCommandFrom } from "../../../src/guest/switch.ts";

const machineId = machineIdFrom("machine-0123456789");
const keys = createKeys(machineId);
const limits = { orphanTimeoutMs: 1_800_000, lifetimeMs: 50_000_500 };
const settings = { user: "runner", docker: "dind", dataRoot: "/var/lib/docker" } as const;

interface UserData {
  readonly bootcmd: readonly (readonly string[])[];
  readonly ssh_keys: Readonly<Record<string, string>>;
  readonly users: readonly Readonly<Record<string, unknown>>[];
  readonly write_files: readonly { readonly path: string; readonly content: string }[];
}

async function userDataOf(overrides: object = {}): Promise<UserData> {
  const seed = await seedFrom([machineId], keys, { ...settings, ...overrides }, limits);
  return parse(seed.userData) as UserData;
}

const fileOf = (data: UserData, path: string): string =>
  data.write_files.find((file) => file.path === path)?.content ?? "";

describe("seedFrom", () => {
  it("starts with the line that cloud-init knows its documents by", async () => {
    const { userData } = await seedFrom([machineId], keys, settings, limits);

    expect(userData.split("\n")[0]).toBe("#cloud-config");
  });

  it("hands in the machine's own host key and nothing of the client's private one", async () => {
    const { userData } = await seedFrom([machineId], keys, settings, limits);
    const data = await userDataOf();

    expect(data.ssh_keys).toEqual({ ed25519_private: keys.host.privateKey, ed25519_public: keys.host.publicKey });
    expect(userData).not.toContain(keys.client.privateKey.split("\n")[3]);
  });

  it("makes one account, in docker and sudo, without password, for the manager's key alone", async () => {
    const { users } = await userDataOf({ user: "builder" });

    expect(users).toEqual([
      {
        name: "builder",
        groups: ["docker", "sudo"],
        shell: "/bin/bash",
        sudo: "ALL=(ALL) NOPASSWD:ALL",
        lock_passwd: false,
        passwd: "*",
        ssh_authorized_keys: [keys.client.publicKey],
      },
    ]);
  });

  it("gives the engine its data root, its mirror and bounded logs", async () => {
    const data = await userDataOf({ dataRoot: "/data", registryMirror: "http://10.0.2.2:5000" });

    expect(JSON.parse(fileOf(data, "/etc/docker/daemon.json"))).toEqual({
      "log-driver": "json-file",
      "log-opts": { "max-size": "10m", "max-file": "2" },
      "data-root": "/data",
      "registry-mirrors": ["http://10.0.2.2:5000"],
    });
  });

  it("names no mirror where none is set", async () => {
    expect(fileOf(await userDataOf(), "/etc/docker/daemon.json")).not.toContain("registry-mirrors");
  });

  it("keeps values that look like YAML in their place", async () => {
    const data = await userDataOf({ dataRoot: "/data: {}\nusers: [root] # '\"" });

    expect(data.users).toHaveLength(1);
    expect(JSON.parse(fileOf(data, "/etc/docker/daemon.json"))).toMatchObject({
      "data-root": "/data: {}\nusers: [root] # '\"",
    });
  });

  it("switches passwords off in sshd", async () => {
    expect(fileOf(await userDataOf(), "/etc/ssh/sshd_config.d/10-mayfly.conf")).toMatch(/^PasswordAuthentication no$/m);
  });

  it("lets the machine resolve its own name", async () => {
    expect(fileOf(await userDataOf(), "/etc/hosts")).toMatch(new RegExp(`^127\\.0\\.1\\.1 ${machineId}$`, "m"));
  });

  it("arms the dead-man's switch before all else", async () => {
    const { bootcmd } = await userDataOf();

    expect(bootcmd).toEqual([await armingCommandFrom(limits)]);
  });

  it("has a stock image install the engine, and a prepared one nothing", async () => {
    expect(await userDataOf({ engine: "install" })).toMatchObject({
      package_update: true,
      packages: expect.arrayContaining(["docker.io", "iptables", "git"]),
    });
    expect(await userDataOf({ engine: "baked" })).not.toHaveProperty("packages");
    expect(await userDataOf()).not.toHaveProperty("packages");
  });

  it("fits into the 16 KiB that EC2 takes as user-data", async () => {
    const { userData } = await seedFrom([machineId], keys, { ...settings, engine: "install" }, limits);

    expect(Buffer.byteLength(userData)).toBeLessThan(14 * 1024);
  });

  it("tells several the same, and none of them the name of one", async () => {
    const machineIds = ["m-first", "m-second", "m-third"].map(machineIdFrom);

    const { userData } = await seedFrom(machineIds, keys, settings, limits);

    for (const id of machineIds) expect(userData).not.toContain(id);
    expect(parse(userData)).toMatchObject({ hostname: "mayfly" });
    expect(userData).toContain("127.0.1.1 mayfly");
  });

  it("names the machine in the metadata", async () => {
    const { metaData } = await seedFrom([machineId], keys, settings, limits);

    expect(parse(metaData)).toEqual({ "instance-id": machineId, "local-hostname": machineId });
  });
});
