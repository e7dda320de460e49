import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
/** Three megabytes over a slow line. */
const DOWNLOAD_DEADLINE_MS = 5 * 60_000;

/** What cloud-init itself says of a document: nothing when it is valid. */
export type CheckUserData = (userData: string) => Promise<string>;

/**
 * Gets Debian's cloud-init and what it needs, unpacked into the tests' cache: nothing of it is installed, since installed it
 * would take over the next boot of this host. Answers why it cannot be had, where it cannot.
 */
export async function fetchCloudInit(): Promise<CheckUserData | string> {
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "mayfly-test");
  const root = join(cache, "cloud-init");
  const lacking = ["/usr/bin/python3", "/usr/bin/apt-get", "/usr/bin/dpkg-deb"].find((file) => !existsSync(file));
  if (lacking !== undefined) return `this host has no ${lacking}`;
  try {
    if (!existsSync(root)) await unpackInto(root, cache);
  } catch (error) {
    return `apt-get cannot fetch cloud-init: ${(error as Error).message.split("\n")[0]}`;
  }
  return (userData) => checkWith(root, userData);
}

async function unpackInto(root: string, cache: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, "cloud-init-"));
  try {
    const archives = join(folder, "archives");
    await mkdir(join(archives, "partial"), { recursive: true });
    const options = ["-y", "-q", "--download-only", "--no-install-recommends"];
    // Into a folder of our own, so neither root's rights nor apt's locks are needed.
    const where = ["-o", `Dir::Cache::Archives=${archives}`, "-o", "Debug::NoLocking=1"];
    await run("apt-get", [...options, ...where, "install", "cloud-init"], { timeout: DOWNLOAD_DEADLINE_MS });
    const unpacked = join(folder, "root");
    for (const name of await readdir(archives)) {
      if (name.endsWith(".deb")) await run("dpkg-deb", ["-x", join(archives, name), unpacked]);
    }
    await rename(unpacked, root);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function checkWith(root: string, userData: string): Promise<string> {
  const folder = await mkdtemp(join(root, "check-"));
  try {
    const file = join(folder, "user-data.yaml");
    await writeFile(file, userData);
    // Debian's Python, for Debian's packages; those that the host has already are found beside.
    const { status, stdout, stderr } = spawnSync(
      "/usr/bin/python3",
      [join(root, "usr/bin/cloud-init"), "schema", "--config-file", file],
      { encoding: "utf8", env: { ...process.env, PYTHONPATH: join(root, "usr/lib/python3/dist-packages") } },
    );
    return status === 0 ? "" : `${stdout}${stderr}` || `exit code ${status}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
