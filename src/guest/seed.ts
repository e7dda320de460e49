import { parse, stringify } from "yaml";
import type { MachineId } from "../domain/ids.ts";
import type { GuestSettings } from "../domain/pool.ts";
import type { CloudInit, GuestFile, Identity, RestoreSeed, Seed } from "../ports/seed.ts";
import type { MachineKeys, MachineLimits, SeedSettings } from "../ports/guest.ts";
import { createEngineKey } from "./engineKey.ts";
import { preloadCommandFrom } from "./preload.ts";
import { armingCommandFrom, SWITCH_UNITS, switchUnitsFrom } from "./switch.ts";
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
  settings: SeedSettings,
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
      { path: ENGINE_SETTINGS, content: engineSettingsFrom(engine, settings) },
    ],
  };
  return {
    ...cloudInitFrom(document, machineId, hostname),
    ...(settings.engine === "install" || hostname === SHARED_NAME
      ? {}
      : { restore: await restoreSeedFrom(hostname, keys, settings, limits) }),
  };
}

/** What a machine is told that is a copy of one that has booted: see Identity. */
async function restoreSeedFrom(
  hostname: string,
  keys: MachineKeys,
  settings: SeedSettings,
  limits: MachineLimits,
): Promise<RestoreSeed> {
  const [userData, sshd, engine] = await Promise.all([
    readTemplate("user-data.yaml"),
    readTemplate("sshd.conf"),
    readTemplate("daemon.json"),
  ]);
  const { user, registryMirror, preload = [] } = settings;
  const isFetching = preload.length > 0;
  const document = {
    ...(parse(userData) as object),
    hostname: TEMPLATE_NAME,
    ...(isFetching ? { bootcmd: [await preloadCommandFrom(preload)] } : {}),
    // The one that is copied shows it to nobody.
    ssh_genkeytypes: ["ed25519"],
    users: [accountFrom(user)],
    write_files: [
      { path: "/etc/hosts", content: hostsFrom(TEMPLATE_NAME) },
      { path: "/etc/ssh/sshd_config.d/10-mayfly.conf", content: sshd },
      {
        path: ENGINE_SETTINGS,
        content: engineSettingsFrom(engine, { ...settings, registryMirror: isFetching ? registryMirror : undefined }),
      },
    ],
  };
  const root = (path: string, content: string, mode = 0o644): GuestFile => ({ path, content, mode, owner: "root" });
  const identity: Identity = {
    hostname,
    engine: createEngineKey(),
    files: [
      root("/etc/hosts", hostsFrom(hostname)),
      root("/etc/ssh/ssh_host_ed25519_key", keys.host.privateKey, 0o600),
      root("/etc/ssh/ssh_host_ed25519_key.pub", `${keys.host.publicKey}\n`),
      { path: `/home/${user}/.ssh/authorized_keys`, content: `${keys.client.publicKey}\n`, mode: 0o600, owner: user },
      ...(registryMirror === undefined ? [] : [root(ENGINE_SETTINGS, engineSettingsFrom(engine, settings))]),
      ...(await switchUnitsFrom(limits, "OnActiveSec")).map(({ path, content }) => root(path, content)),
    ],
    engineSettings: registryMirror,
    units: SWITCH_UNITS,
  };
  const template = cloudInitFrom(document, TEMPLATE_NAME);
  return isFetching ? { template, preload, identity } : { template, identity };
}

const TEMPLATE_NAME = "mayfly-template";
const ENGINE_SETTINGS = "/etc/docker/daemon.json";

const cloudInitFrom = (document: object, id: string, hostname = id): CloudInit => ({
  userData: `#cloud-config\n${stringify(document)}`,
  metaData: stringify({ "instance-id": id, "local-hostname": hostname }),
});

/** Without its own name there, every sudo asks a name server for it first. */
const hostsFrom = (name: string): string =>
  `127.0.0.1 localhost\n127.0.1.1 ${name}\n::1 localhost ip6-localhost ip6-loopback\n`;

function accountFrom(user: string, keys?: MachineKeys): object {
  return {
    name: user,
    groups: ["docker", "sudo"],
    shell: "/bin/bash",
    sudo: "ALL=(ALL) NOPASSWD:ALL",
    // "*" matches no password, and unlike a locked account ("!") sshd lets it in by key without PAM.
    lock_passwd: false,
    passwd: "*",
    ...(keys === undefined ? {} : { ssh_authorized_keys: [keys.client.publicKey] }),
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
