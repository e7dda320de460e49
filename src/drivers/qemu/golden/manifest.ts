import { createHash } from "node:crypto";
import { readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { isErrno } from "../errors.ts";

/** Files of a golden state, beside its manifest: the guest's memory, its devices, and what its disk has beyond the image's. */
export const GOLDEN_FILES = ["ram.img", "devices.bin", "disk.qcow2"] as const;
type GoldenFile = (typeof GOLDEN_FILES)[number];

const fileSchema = z.object({ bytes: z.number(), modifiedAt: z.number() });
const manifestSchema = z.object({
  key: z.string(),
  image: z.object({ name: z.string(), digest: z.string(), diskPath: z.string() }),
  cpus: z.number(),
  memoryMiB: z.number(),
  diskGiB: z.number(),
  qemuVersion: z.string(),
  createdAt: z.number(),
  /** The images that it was to have beside those of its image; absent when none were asked for. */
  preloaded: z
    .object({
      images: z.array(z.object({ image: z.string(), digest: z.string().optional(), problem: z.string().optional() })),
      /** How many states in a row lacked one of them, this one among them. */
      failures: z.number(),
    })
    .optional(),
  /** As they were when the state was saved; no later writer leaves a file's time as it was. */
  files: z.object({ "ram.img": fileSchema, "devices.bin": fileSchema, "disk.qcow2": fileSchema, image: fileSchema }),
  devicesSha256: z.string(),
});
export type GoldenManifest = z.infer<typeof manifestSchema>;

/** A golden state whose files are what was saved. */
export interface GoldenState extends GoldenManifest {
  readonly folder: string;
}

const MANIFEST = "manifest.json";

/** Describes a draft's files and writes its manifest, last of all. */
export async function writeManifest(
  folder: string,
  facts: Omit<GoldenManifest, "files" | "devicesSha256">,
): Promise<void> {
  const entries = GOLDEN_FILES.map(async (name) => [name, await describe(join(folder, name))] as const);
  const files = Object.fromEntries(await Promise.all(entries)) as Record<GoldenFile, z.infer<typeof fileSchema>>;
  const manifest: GoldenManifest = {
    ...facts,
    files: { ...files, image: await describe(facts.image.diskPath) },
    devicesSha256: await sha256Of(join(folder, "devices.bin")),
  };
  await writeFile(join(folder, MANIFEST), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** Reads a manifest alone; undefined when there is none that can be understood. */
export async function readManifest(folder: string): Promise<GoldenState | undefined> {
  try {
    const manifest = manifestSchema.parse(JSON.parse(await readFile(join(folder, MANIFEST), "utf8")));
    return { ...manifest, folder };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError || isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/**
 * Says what is wrong with a golden state: "" when its files and its image's disk are what they were. Reads the devices' states in
 * full; of the memory and the disks only sizes and times, since they are as large as the machine.
 * @param qemuVersion of the QEMU that would restore it; no other one's is looked for when it is absent.
 */
export async function problemWith(state: GoldenState, qemuVersion = state.qemuVersion): Promise<string> {
  if (state.qemuVersion !== qemuVersion)
    return `${state.folder} was made by "${state.qemuVersion}", this is "${qemuVersion}"`;
  const paths = { ...Object.fromEntries(GOLDEN_FILES.map((name) => [name, join(state.folder, name)])) };
  for (const [name, expected] of Object.entries(state.files)) {
    const path = paths[name] ?? state.image.diskPath;
    const found = await describe(path).catch(() => undefined);
    if (found === undefined) return `${path} is gone`;
    if (found.bytes !== expected.bytes) return `${path} has ${found.bytes} bytes where ${expected.bytes} were saved`;
    if (found.modifiedAt !== expected.modifiedAt) return `${path} was written after it was saved`;
  }
  const isWhole = (await sha256Of(join(state.folder, "devices.bin"))) === state.devicesSha256;
  return isWhole ? "" : `${join(state.folder, "devices.bin")} is not what was saved`;
}

/** Notes that a state was used, so that those which are not go first. */
export async function noteUse({ folder }: GoldenState, now: number): Promise<void> {
  await utimes(join(folder, MANIFEST), now / 1000, now / 1000);
}

/** When a state was used last, in ms since 1970; 0 when it is gone. */
export async function usedAt({ folder }: GoldenState): Promise<number> {
  return (await stat(join(folder, MANIFEST)).catch(() => undefined))?.mtimeMs ?? 0;
}

/** What a state takes of the disk, in bytes: its memory has holes where the guest never wrote. */
export async function diskBytesOf({ folder }: GoldenState): Promise<number> {
  const sizes = GOLDEN_FILES.map(
    async (name) => ((await stat(join(folder, name)).catch(() => undefined))?.blocks ?? 0) * 512,
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function describe(path: string): Promise<z.infer<typeof fileSchema>> {
  const { size, mtimeMs } = await stat(path);
  return { bytes: size, modifiedAt: mtimeMs };
}

const sha256Of = async (path: string): Promise<string> =>
  createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
