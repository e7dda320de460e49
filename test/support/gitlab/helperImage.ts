import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ensureStandIns } from "../standins/ensure.ts";
import { linkImage, storeFile, storeJson } from "../standins/storage.ts";
import type { Storage } from "../standins/storage.ts";

const run = promisify(execFile);

/** What `helper_image` of a runner is to be, as Docker Hub's mirror is asked for it. */
export const HELPER_IMAGE = "gitlab-runner-helper";

/** What stands in for the runner's own program, in that image and on machines. */
export const STAND_IN_HELPER = fileURLToPath(new URL("helper.sh", import.meta.url));

/** A storage that holds the stand-ins and a helper image. */
export interface HelperStorage extends AsyncDisposable {
  readonly storage: Storage;
}

/**
 * Makes a runner's helper image of the busybox stand-in and a program that knows the helper's commands. It has no git:
 * jobs in it have `GIT_STRATEGY: none`.
 * @param program the runner, linked statically as GitLab's own is; or what stands in for it, a script of busybox's shell.
 */
export async function storeHelperImage(program: string, signal: AbortSignal): Promise<HelperStorage> {
  const standIns = await ensureStandIns({}, signal);
  // Beside the stand-ins, so that their blobs can be linked in the place of being copied.
  const folder = await mkdtemp(join(dirname(dirname(standIns.storage.root)), "runner-helper-"));
  const storage = { root: join(folder, "registry") };
  await run("cp", ["-al", standIns.storage.root, storage.root]);
  const layer = await storeLayer(storage, folder, program);
  const layers = [...standIns.images.busybox.layers, layer];
  const image = {
    ...{ architecture: "amd64", os: "linux", created: "1970-01-01T00:00:00Z" },
    config: { Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], Cmd: ["gitlab-runner-build"] },
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
  };
  const config = await storeJson(storage, image, "application/vnd.docker.container.image.v1+json");
  const mediaType = "application/vnd.docker.distribution.manifest.v2+json";
  const manifest = await storeJson(storage, { schemaVersion: 2, mediaType, config, layers }, mediaType);
  await linkImage(storage, {
    ...{ repository: `library/${HELPER_IMAGE}`, tags: ["latest"], manifest },
    blobs: [config, ...layers],
  });
  return { storage, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

async function storeLayer(storage: Storage, folder: string, program: string) {
  const bin = join(folder, "layer", "usr", "bin");
  await mkdir(bin, { recursive: true });
  await copyFile(program, join(bin, "gitlab-runner-helper"));
  await chmod(join(bin, "gitlab-runner-helper"), 0o755);
  await writeFile(join(bin, "gitlab-runner-build"), "#!/bin/sh\nexec sh\n", { mode: 0o755 });
  const tar = join(folder, "layer.tar");
  await run("tar", [
    "--create",
    "--owner=0",
    "--group=0",
    `--directory=${join(folder, "layer")}`,
    `--file=${tar}`,
    "usr",
  ]);
  await rm(join(folder, "layer"), { recursive: true });
  return storeFile(storage, tar, "application/vnd.docker.image.rootfs.diff.tar");
}
