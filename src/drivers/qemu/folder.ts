import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { SystemError } from "../../domain/errors.ts";
import { machineIdFrom } from "../../domain/ids.ts";
import type { QemuContext } from "./context.ts";
import { isErrno } from "./errors.ts";

/*
 * INVARIANTS
 * - The record of an instance is on disk before its process is started, and is erased only after the process has ended.
 * - So a folder without a record never has a process: whoever finds one may remove it.
 */

const recordSchema = z.object({
  providerId: z.string(),
  owner: z.string(),
  token: z.string(),
  machineId: z.string().transform(machineIdFrom),
  poolName: z.string(),
  address: z.object({ host: z.string(), port: z.number() }),
  launchedAt: z.number(),
  memoryMiB: z.number(),
  imageDigest: z.string(),
  /** `restoring` is nobody yet: whoever launches it has not come to the end. */
  origin: z.enum(["booted", "restoring", "restored"]).default("booted"),
});

/** What is known of an instance, beside its process. */
export type InstanceRecord = z.infer<typeof recordSchema>;

/** Names the instance of a token: the same token, the same name, so the file system itself keeps launches idempotent. */
export function providerIdFrom(owner: string, token: string): string {
  return `${prefixOf(owner)}${hashOf(token).slice(0, 16)}`;
}

/** Tells whether an instance's name bears the owner's tag. */
export function isOurs(owner: string, providerId: string): boolean {
  return providerId.startsWith(prefixOf(owner)) && /^[0-9a-z-]+$/.test(providerId);
}

/** The folder of one instance. */
export const folderOf = ({ root }: QemuContext, providerId: string): string => join(root, providerId);

/** Names of all folders, any owner's. None when nothing was ever launched. */
export async function folderNames({ root }: Pick<QemuContext, "root">): Promise<string[]> {
  try {
    return await readdir(root);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

/** Writes a record so that it is there in full or not at all, whenever the power fails. Makes the folder if need be. */
export async function writeRecord(folder: string, record: InstanceRecord): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, "instance.json");
  const file = await open(`${path}.new`, "w", 0o600);
  try {
    await file.writeFile(JSON.stringify(record));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  for (const directory of [folder, join(folder, "..")]) await syncDirectory(directory);
}

/** Reads a record; undefined when there is none. @throws SystemError `instance-unreadable` when it is not one of ours. */
export async function readRecord(folder: string): Promise<InstanceRecord | undefined> {
  const path = join(folder, "instance.json");
  try {
    return recordSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return undefined;
    throw new SystemError("instance-unreadable", `cannot read ${path}; remove its folder if it is not needed`, {
      cause: error,
    });
  }
}

/** Erases an instance's folder. Gone already is success. */
export async function eraseFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");
const prefixOf = (owner: string): string => `qemu-${hashOf(owner).slice(0, 8)}-`;
