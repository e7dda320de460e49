import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { DockerMachineRecord, DockerMachineRecords, DoorIdentity } from "../ports/dockerMachines.ts";
import { isMissing, onDisk } from "./files.ts";

/** No id of a machine looks like this. */
const IDENTITY = "door.json";
const RECORD = /^dm-[0-9a-z]+\.json$/;

/** Keeps the records of docker-machine as plain files of mode 0600, one a machine, in a directory of mode 0700. */
export function createDockerMachineRecords(dir: string): DockerMachineRecords {
  const pathOf = (id: string): string => join(dir, `${id}.json`);
  return {
    async all() {
      const names = (await namesIn(dir)).filter((name) => RECORD.test(name));
      const records = await Promise.all(names.map((name) => readJson<DockerMachineRecord>(join(dir, name))));
      return records.filter((record) => record !== undefined).toSorted((a, b) => a.createdAt - b.createdAt);
    },
    put: (record) => writeJson(dir, pathOf(record.id), record),
    async remove(id) {
      await onDisk(`remove the record of ${id}`, rm(pathOf(id), { force: true }));
      await syncDir(dir);
    },
    identity: () => readJson<DoorIdentity>(join(dir, IDENTITY)),
    putIdentity: (identity) => writeJson(dir, join(dir, IDENTITY), identity),
  };
}

async function namesIn(dir: string): Promise<readonly string[]> {
  try {
    return await onDisk(`list ${dir}`, readdir(dir));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function readJson<Value>(path: string): Promise<Value | undefined> {
  try {
    return JSON.parse(await onDisk(`read ${path}`, readFile(path, "utf8"))) as Value;
  } catch (error) {
    // A damaged record holds nothing: nobody renews its lease, which lapses then.
    if (isMissing(error) || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Writes a file as a whole or not at all, and has it on the disk. */
async function writeJson(dir: string, path: string, value: unknown): Promise<void> {
  const doing = `write ${path}`;
  await onDisk(doing, mkdir(dir, { recursive: true, mode: 0o700 }));
  const part = `${path}.part`;
  const file = await onDisk(doing, open(part, "w", 0o600));
  try {
    await onDisk(doing, file.writeFile(JSON.stringify(value)));
    await onDisk(doing, file.sync());
  } finally {
    await file.close();
  }
  await onDisk(doing, rename(part, path));
  await syncDir(dir);
}

async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, "r").catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (handle === undefined) return;
  try {
    await onDisk(`write ${dir}`, handle.sync());
  } finally {
    await handle.close();
  }
}
