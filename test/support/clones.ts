import { buffer, text } from "node:stream/consumers";
import { machineIdFrom } from "../../src/domain/ids.ts";
import type { Address } from "../../src/domain/machine.ts";
import type { GuestSettings } from "../../src/domain/pool.ts";
import type { QemuShape } from "../../src/domain/shape.ts";
import type { Driver, Instance } from "../../src/ports/driver.ts";
import type { Identity } from "../../src/ports/seed.ts";
import type { Guest, MachineKeys, MachineLimits, ReadyGuest } from "../../src/ports/guest.ts";

/** The shape that other tests restore machines of too, so that all share one golden state. */
export const CLONE_SHAPE: QemuShape = { driver: "qemu", image: "debian-12", cpus: 2, memoryMiB: 1_024, diskGiB: 20 };
export const CLONE_SETTINGS: GuestSettings = { user: "runner", docker: "dind", dataRoot: "/var/lib/docker" };

const READY_DEADLINE_MS = 10 * 60_000;
const never = new AbortController().signal;

/** A machine that was launched as a manager would, and is ready. */
export interface Clone {
  readonly instance: Instance;
  readonly address: Address;
  readonly keys: MachineKeys;
  readonly ready: ReadyGuest;
}

export interface CloneWish {
  readonly name: string;
  readonly limits: MachineLimits;
  /** @default CLONE_SHAPE */
  readonly shape?: QemuShape | undefined;
  /** What it is told otherwise when it is restored. @default as the seed has it */
  readonly changed?: ((identity: Identity) => Identity) | undefined;
}

/** Launches a machine and connects to it. */
export async function launchClone(driver: Driver, guest: Guest, wish: CloneWish): Promise<Clone> {
  const { name, limits, shape = CLONE_SHAPE, changed } = wish;
  const machineId = machineIdFrom(name);
  const keys = guest.createKeys(machineId);
  const told = await guest.seedFrom([machineId], keys, CLONE_SETTINGS, limits);
  if (told.restore === undefined) throw new Error("Expected a seed to restore with, got none");
  const { template, identity } = told.restore;
  const seed = { ...told, restore: { template, identity: changed?.(identity) ?? identity } };
  const instance = await driver.launch({ machineId, poolName: "small", shape, seed }, name, never);
  const { address } = instance;
  if (address === undefined) throw new Error("Expected the QEMU driver to answer an address, got none");
  const limit = AbortSignal.timeout(READY_DEADLINE_MS);
  return {
    instance,
    address,
    keys,
    ready: await guest.connect(address, keys, { ...CLONE_SETTINGS, origin: instance.origin }, limit),
  };
}

/** Files that must not be alike on two machines, by what each says. */
const IDENTITY: Readonly<Record<string, string>> = {
  "host key": "/etc/ssh/ssh_host_ed25519_key.pub",
  "account's key": "/home/runner/.ssh/authorized_keys",
  "machine id": "/etc/machine-id",
  "boot id": "/proc/sys/kernel/random/boot_id",
  hostname: "/proc/sys/kernel/hostname",
  "hostname on disk": "/etc/hostname",
  "names on disk": "/etc/hosts",
  "name at cloud-init": "/var/lib/cloud/data/instance-id",
  "network card": "/sys/class/net/eth0/address",
  "Docker's bridge": "/sys/class/net/docker0/address",
  "engine's key": "/etc/docker/key.json",
  "ids that the kernel makes": "/proc/sys/kernel/random/uuid",
};

/** What a machine says of itself: all of IDENTITY, and what its programs tell. In few processes: each costs 150 ms under emulation. */
export async function identityOf({ ready, address }: Clone): Promise<ReadonlyMap<string, string>> {
  const script = [
    `sudo grep --with-filename "" ${Object.values(IDENTITY).join(" ")}`,
    "echo journal: /run/log/journal/* keys: /etc/ssh/ssh_host_*_key.pub",
    "systemctl show --property InvocationID mayfly-orphan.timer",
  ].join("; ");
  const said = (await outputOf(ready, script)).toString().split("\n");
  const fileOf = (path: string) =>
    said.flatMap((line) => (line.startsWith(`${path}:`) ? line.slice(path.length + 1) : []));
  const wordOf = (pattern: RegExp) => pattern.exec(said.join("\n"))?.[1] ?? "";
  const info = await askEngine(ready, "GET /info");
  const volume = await askEngine(ready, "POST /volumes/create");
  return new Map([
    ["address", address.host],
    ...Object.entries(IDENTITY).map(([what, path]) => [what, fileOf(path).join("\n")] as const),
    // One folder, one key.
    ["folder of the journal", wordOf(/^journal: (\S+) keys: \/etc\/ssh\/ssh_host_ed25519_key\.pub$/m)],
    ["ids that systemd makes", wordOf(/^InvocationID=(.+)$/m)],
    ["engine's name", /"ID":"([^"]+)"/.exec(info)?.[1] ?? ""],
    ["ids that the engine makes", /"Name":"([^"]+)"/.exec(volume)?.[1] ?? ""],
  ]);
}

/** Bytes that a machine's random device gives. */
export const randomBytesOf = ({ ready }: Clone, count: number): Promise<Buffer> =>
  outputOf(ready, `head --bytes ${count} /dev/urandom`);

/** What a command prints. @throws Error when it fails. */
export async function outputOf({ channel }: ReadyGuest, command: string): Promise<Buffer> {
  const { stdin, stdout, stderr, exited } = await channel.exec(command, {}, never);
  stdin.end();
  const [output, complaint, { exitCode }] = await Promise.all([buffer(stdout), text(stderr), exited]);
  if (exitCode !== 0) throw new Error(`\`${command}\` ended with ${exitCode}: ${complaint}`);
  return output;
}

/** One raw request, as no `docker` program needs to be started for it. */
async function askEngine({ channel }: ReadyGuest, request: string): Promise<string> {
  const stream = await channel.forward("/var/run/docker.sock", never);
  const body = request.startsWith("POST") ? "{}" : "";
  stream.write(
    `${request} HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  return text(stream);
}
