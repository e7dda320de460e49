import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import type { Problem } from "../../../domain/errors.ts";
import { ConfigError } from "../../../domain/errors.ts";
import { isImageName } from "./manifest.ts";

/** What a user chooses of an image. */
export interface ImageRecipe {
  /** Lower-case letters, digits, dots and dashes. */
  readonly name: string;
  /** Archives in `docker save`'s format, not compressed, that the engine of every machine holds from the start. */
  readonly load: readonly string[];
}

/** The recipe of the guest that machines run unless their pool says otherwise. */
export const defaultRecipe = (load: readonly string[] = []): ImageRecipe => ({ name: "debian-12", load });

/** Raised when the same recipe is built differently by newer code. */
const FORMAT_VERSION = 1;

/** Debian's name of the release that guests run. */
export const SUITE = "bookworm";

/** What guests consist of, beside what these packages depend on. */
export const PACKAGES: readonly string[] = [
  ...["linux-image-cloud-amd64", "systemd", "systemd-sysv", "udev", "kmod", "dbus", "cloud-init", "busybox-static"],
  ...["openssh-server", "sudo", "iproute2", "iptables", "netbase", "ca-certificates", "e2fsprogs"],
  ...["docker.io", "docker-compose", "apparmor"],
  ...["curl", "wget", "git", "git-lfs", "procps", "xz-utils"],
];

/**
 * What the guest's kernel is started with. The network card has one name whatever slot it sits in, and there are no shields
 * between programs: all in a machine belongs to one job.
 */
export const KERNEL_ARGS = "root=/dev/vda rw console=ttyS0 quiet net.ifnames=0 mitigations=off";

/** The files that the guest's root is finished with, beside src/ and beside dist/. */
export const IMAGE_FILES = fileURLToPath(new URL("../../../../cloud-init/image/", import.meta.url));

/** Answers the digest of everything that an image is built from; in hex. @throws ConfigError when an archive cannot be used. */
export async function digestFrom(recipe: ImageRecipe, signal: AbortSignal): Promise<string> {
  await checkRecipe(recipe);
  const files = (await readdir(IMAGE_FILES)).sort();
  const parts = {
    formatVersion: FORMAT_VERSION,
    suite: SUITE,
    packages: PACKAGES,
    kernelArgs: KERNEL_ARGS,
    files: await Promise.all(files.map(async (file) => [file, sha256(await readFile(join(IMAGE_FILES, file)))])),
    load: await Promise.all(recipe.load.map((path) => sha256OfFile(path, signal))),
  };
  return sha256(JSON.stringify(parts));
}

async function checkRecipe({ name, load }: ImageRecipe): Promise<void> {
  const found = await Promise.all(load.map(problemWith));
  const problems = found.filter((problem) => problem !== undefined);
  if (!isImageName(name))
    problems.unshift({ place: "name", message: `Expected lower-case letters, digits, dots and dashes, got "${name}"` });
  if (problems.length > 0) throw new ConfigError(problems, "recipe-invalid");
}

/** Source of the mark: POSIX's ustar header, bytes 257-261. */
async function problemWith(path: string): Promise<Problem | undefined> {
  const rule = "Expected a tar archive as `docker save` writes it, not compressed";
  try {
    const file = await open(path, "r");
    try {
      const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(512), position: 0 });
      const isTar = bytesRead === 512 && buffer.toString("latin1", 257, 262) === "ustar";
      return isTar ? undefined : { place: path, message: `${rule}, got something else` };
    } finally {
      await file.close();
    }
  } catch (error) {
    return { place: path, message: `${rule}, got ${error instanceof Error ? error.message : String(error)}` };
  }
}

const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");

async function sha256OfFile(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest("hex");
}
