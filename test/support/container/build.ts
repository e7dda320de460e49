import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Call } from "./call.ts";
import { ensureNodeImage } from "./nodeImage.ts";

const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));
const CONTAINERFILE = "src/daemon/packaging/Containerfile";
/** What the container file takes from Docker Hub. */
const BASE = "docker.io/library/node:24-bookworm-slim";
const HOST_CAS = "/etc/host-cas.pem";

/** An image that was built: what it says of its containers, and its root file system as a folder. */
export interface BuiltImage {
  readonly root: string;
  readonly config: ImageConfig;
}

/** The `config` object of an image. Source: https://github.com/moby/docker-image-spec/blob/main/spec.md */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly Volumes: Readonly<Record<string, unknown>>;
  readonly StopSignal: string;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

/**
 * Builds the container file as it is, with buildah and without an engine, on a stand-in for the image that it begins with. Two minutes of
 * one processor; npm's registry and Debian's packages must be reached. @param folder for all that it writes, some GB; the caller removes it.
 */
export async function buildContainerImage(folder: string, call: Call): Promise<BuiltImage> {
  const buildah = await createBuildah(folder, call);
  await importBase(await ensureNodeImage(call), buildah);
  const root = join(folder, "root");
  const built = ["--tag", "mayfly", "--output", `type=local,dest=${root}`, "--file", join(REPOSITORY, CONTAINERFILE)];
  await buildah("bud", "--isolation", "chroot", "--format", "docker", "--pull-never", ...built, REPOSITORY);
  // Its mode is that of a folder of ours, where the image's own is open to all.
  await chmod(root, 0o755);
  const { Docker } = JSON.parse(await buildah("inspect", "--type", "image", "mayfly"));
  return { root, config: Docker.config };
}

type Buildah = (...args: readonly string[]) => Promise<string>;

/** Buildah with a storage of its own, and with no registry to ask. */
async function createBuildah(folder: string, call: Call): Promise<Buildah> {
  const registries = join(folder, "registries.conf");
  await writeFile(registries, "");
  const hasOverlays = /\toverlay$/m.test(await readFile("/proc/filesystems", "utf8"));
  const storage = ["--root", join(folder, "storage"), "--runroot", join(folder, "run")];
  const options = [...storage, "--storage-driver", hasOverlays ? "overlay" : "vfs", "--registries-conf", registries];
  return (...args) => call("buildah", [...options, ...args]);
}

async function importBase(rootTar: string, buildah: Buildah): Promise<void> {
  const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  await buildah("from", "--name", "base", "scratch");
  await buildah("add", "base", rootTar, "/");
  await buildah("config", "--env", path, "--cmd", '["node"]', "base");
  const cas = process.env["NODE_EXTRA_CA_CERTS"];
  // Whom this host trusts to answer for npm's registry, its image does, too.
  if (cas !== undefined) {
    await buildah("add", "base", cas, HOST_CAS);
    await buildah("config", "--env", `NODE_EXTRA_CA_CERTS=${HOST_CAS}`, "base");
  }
  await buildah("commit", "--rm", "base", BASE);
}

/** Answers why this host cannot build and run the container; "" when it can. */
export async function obstacleToContainers(call: Call): Promise<string> {
  if (process.getuid?.() !== 0) return "root";
  for (const [program, ...args] of [
    ["buildah", "--version"],
    ["mmdebstrap", "--version"],
    ["unshare", "--mount", "--pid", "--net", "--fork", "true"],
  ] as const) {
    try {
      await call(program, args);
    } catch {
      return `${program} ${args.join(" ")}`;
    }
  }
  return "";
}
