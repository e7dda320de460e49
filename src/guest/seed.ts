import { parse, stringify } from "yaml";
import type { MachineId } from "../domain/ids.ts";
import type { GuestSettings } from "../domain/pool.ts";
import type { Seed } from "../ports/driver.ts";
import type { MachineKeys, MachineLimits } from "../ports/guest.ts";
import { armingCommandFrom } from "./switch.ts";
import { readTemplate } from "./templates.ts";

/** What those are called that are told the same, until each has its own name (seal/claim.sh). */
const SHARED_NAME = "mayfly";

/**
 * Renders what a machine is told at its first boot, or the same to several, whose names they learn at the first contact. The
 * documents are built as data, so that no value can break out of its place.
 */
export async function seedFrom(
  machineIds: readonly MachineId[],
  keys: MachineKeys,
  settings: GuestSettings,
  limits: MachineLimits,
): Promise<Seed> {
  const [userData, sshd, engine] = await Promise.all([
    readTemplate("user-data.yaml"),
    readTemplate("sshd.conf"),
    readTemplate("daemon.json"),
  ]);
  const [machineId = SHARED_NAME, ...others] = machineIds;
  const hostname = others.length === 0 ? machineId : SHARED_NAME;
  const document = {
    ...(parse(userData) as object),
    ...(settings.engine === "install" ? (parse(await readTemplate("stock.yaml")) as object) : {}),
    hostname,
    ssh_keys: { ed25519_private: keys.host.privateKey, ed25519_public: keys.host.publicKey },
    // Before anything that can fail, on stock images too: there bootcmd comes before write_files.
    bootcmd: [await armingCommandFrom(limits)],
    users: [accountFrom(settings.user, keys)],
    write_files: [
      { path: "/etc/hosts", content: hostsFrom(hostname) },
      { path: "/etc/ssh/sshd_config.d/10-mayfly.conf", content: sshd },
      { path: "/etc/docker/daemon.json", content: engineSettingsFrom(engine, settings) },
    ],
  };
  return {
    userData: `#cloud-config\n${stringify(document)}`,
    metaData: stringify({ "instance-id": machineId, "local-hostname": hostname }),
  };
}

/** Without its own name there, every sudo asks a name server for it first. */
const hostsFrom = (hostname: string): string =>
  `127.0.0.1 localhost\n127.0.1.1 ${hostname}\n::1 localhost ip6-localhost ip6-loopback\n`;

function accountFrom(user: string, keys: MachineKeys): object {
  return {
    name: user,
    groups: ["docker", "sudo"],
    shell: "/bin/bash",
    sudo: "ALL=(ALL) NOPASSWD:ALL",
    // "*" matches no password, and unlike a locked account ("!") sshd lets it in by key without PAM.
    lock_passwd: false,
    passwd: "*",
    ssh_authorized_keys: [keys.client.publicKey],
  };
}

function engineSettingsFrom(template: string, { dataRoot, registryMirror }: GuestSettings): string {
  const settings = {
    ...(JSON.parse(template) as object),
    "data-root": dataRoot,
    ...(registryMirror === undefined ? {} : { "registry-mirrors": [registryMirror] }),
  };
  return `${JSON.stringify(settings, undefined, 2)}\n`;
}
