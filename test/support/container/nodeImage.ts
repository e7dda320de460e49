import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Call } from "./call.ts";

/** The release of npm that is put beside Node, of the line that Node 24 comes with. */
const NPM = "npm@11.21.2";
const SUITE = "bookworm";
/** In Docker Hub's images of Debian no package starts a service when it is installed. */
const POLICY = "#!/bin/sh\nexit 101\n";

/**
 * Answers a root file system, as a tar archive, that stands in for Docker Hub's `node:24-bookworm-slim`: Debian's required packages and
 * apt, the Node that runs this, npm, and the account `node`. Made once per recipe, in the user's cache; half a minute of one processor.
 */
export async function ensureNodeImage(call: Call): Promise<string> {
  const recipe = await readFile(fileURLToPath(import.meta.url));
  const digest = createHash("sha256").update(recipe).update(process.version).digest("hex").slice(0, 16);
  const cacheDir = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "mayfly-test");
  const path = join(cacheDir, `node-image-${digest}.tar`);
  if (existsSync(path)) return path;

  await mkdir(cacheDir, { recursive: true });
  const draft = await mkdtemp(join(cacheDir, "node-image-draft-"));
  try {
    await assembleLocal(join(draft, "usr"), call);
    const hooks = [
      `copy-in "${draft}/usr" /`,
      'ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"',
      'chroot "$1" useradd --uid 1000 --user-group --shell /bin/bash --create-home node',
    ].map((hook) => `--customize-hook=${hook}`);
    const made = join(draft, "root.tar");
    await call("mmdebstrap", ["--variant=minbase", '--aptopt=Apt::Install-Recommends "false"', ...hooks, SUITE, made]);
    await rename(made, path);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return path;
}

/** Puts what is no package of Debian into a draft of /usr. */
async function assembleLocal(usr: string, call: Call): Promise<void> {
  const modules = join(usr, "local/lib/node_modules");
  for (const folder of [modules, join(usr, "local/bin"), join(usr, "sbin")]) await mkdir(folder, { recursive: true });
  await cp(process.execPath, join(usr, "local/bin/node"));
  await writeFile(join(usr, "sbin/policy-rc.d"), POLICY, { mode: 0o755 });
  const archive = (await call("npm", ["pack", "--silent", "--pack-destination", modules, NPM])).trim();
  await call("tar", ["-xzf", join(modules, archive), "-C", modules]);
  await rm(join(modules, archive));
  await rename(join(modules, "package"), join(modules, "npm"));
}
