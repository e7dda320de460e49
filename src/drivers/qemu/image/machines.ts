import { join, resolve } from "node:path";
import { folderNames, readRecord } from "../folder.ts";
import { imageFolder } from "./manifest.ts";

/** Tells, for a state directory, which machines were started from an image's folder, whoever owns them. */
export function machinesFromImage(stateDir: string): (folder: string) => Promise<readonly string[]> {
  const root = join(resolve(stateDir), "qemu");
  return async (folder) => {
    const records = await Promise.all((await folderNames({ root })).map((name) => readRecord(join(root, name))));
    return records
      .filter((record) => record !== undefined && folder.endsWith(imageFolder("", "", record.imageDigest)))
      .map((record) => record?.machineId ?? "");
  };
}
