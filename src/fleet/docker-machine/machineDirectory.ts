import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ReadyDockerMachine } from "../../ports/dockerMachines.ts";
import type { Call } from "./call.ts";
import { CallError } from "./errors.ts";
import { directoryOf } from "./machineFile.ts";
import type { MachineFile } from "./machineFile.ts";

/** The runner takes what begins with a dot for no machine. */
const PART = ".mayfly-";
/** What a killed create left is old by then. */
const STALE_MS = 3_600_000;

/** What is known of a machine beside what its manager says. */
export interface MachineFacts {
  readonly name: string;
  readonly driverName: string;
  readonly socketPath: string;
  readonly labels: readonly string[];
}

/**
 * Writes the directory of a machine, mode 0700, all of it or nothing: a reader never sees a half.
 * @throws CallError when it is there already.
 */
export async function writeMachine(call: Call, ready: ReadyDockerMachine, facts: MachineFacts): Promise<void> {
  const dir = directoryOf(call, facts.name);
  const parent = join(call.storagePath, "machines");
  await mkdir(parent, { recursive: true, mode: 0o700 });
  await removeStale(parent);
  const part = join(parent, `${PART}${ready.id}`);
  try {
    await mkdir(part, { mode: 0o700 });
    const config = `${JSON.stringify(machineFileFrom(call, dir, ready, facts), undefined, 4)}\n`;
    const files = { "ca.pem": ready.caPem, "cert.pem": ready.certPem, "key.pem": ready.keyPem, "config.json": config };
    for (const [name, text] of Object.entries(files)) await writePrivate(join(part, name), text);
    await rename(part, dir);
    await syncDirectory(parent);
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOTEMPTY" || code === "EEXIST") throw alreadyExists(facts.name);
    throw error;
  }
}

export const alreadyExists = (name: string): CallError =>
  new CallError(`Docker machine ${JSON.stringify(name)} already exists`);

async function removeStale(parent: string): Promise<void> {
  const names = (await readdir(parent)).filter((name) => name.startsWith(PART));
  for (const path of names.map((name) => join(parent, name))) {
    const left = await stat(path).catch(() => undefined);
    if (left !== undefined && Date.now() - left.mtimeMs > STALE_MS) await rm(path, { recursive: true, force: true });
  }
}

async function writePrivate(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** docker-machine's own layout. Source: docker/machine, libmachine/host/host.go and libmachine/auth/auth.go. */
function machineFileFrom(
  { storagePath }: Call,
  dir: string,
  { id, url, address, user, poolName, leaseId, machineId }: ReadyDockerMachine,
  { name, driverName, socketPath, labels }: MachineFacts,
): MachineFile {
  const pem = (file: string): string => join(dir, file);
  return {
    ConfigVersion: 3,
    Driver: {
      IPAddress: address,
      MachineName: name,
      SSHUser: user,
      SSHPort: 22,
      SSHKeyPath: "",
      StorePath: storagePath,
      SwarmMaster: false,
      SwarmHost: "",
      SwarmDiscovery: "",
      Mayfly: { Id: id, URL: url, Socket: socketPath, Pool: poolName, LeaseId: leaseId, MachineId: machineId },
    },
    DriverName: driverName,
    HostOptions: {
      Driver: "",
      Memory: 0,
      Disk: 0,
      EngineOptions: {
        ArbitraryFlags: [],
        Env: [],
        InsecureRegistry: [],
        Labels: labels,
        RegistryMirror: [],
        StorageDriver: "",
        TlsVerify: true,
        InstallURL: "",
      },
      SwarmOptions: { IsSwarm: false, Address: "", Discovery: "", Agent: false, Master: false, Host: "", Image: "" },
      AuthOptions: {
        CertDir: dir,
        CaCertPath: pem("ca.pem"),
        CaPrivateKeyPath: "",
        CaCertRemotePath: "",
        ServerCertPath: "",
        ServerKeyPath: "",
        ClientKeyPath: pem("key.pem"),
        ServerCertRemotePath: "",
        ServerKeyRemotePath: "",
        ClientCertPath: pem("cert.pem"),
        ServerCertSANs: [],
        StorePath: dir,
      },
    },
    Name: name,
  };
}
