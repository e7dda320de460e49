import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { StandIns } from "./ensure.ts";
import { STAND_INS } from "./images.ts";
import type { StandInName } from "./images.ts";
import { blobPath } from "./storage.ts";

const execFileAsync = promisify(execFile);

/** Writes stand-ins, with all their tags, as one archive in `docker load`'s format; a layer that several share is in it once. */
export async function exportStandIns(
  standIns: StandIns,
  names: readonly StandInName[],
  tarPath: string,
  signal: AbortSignal,
): Promise<void> {
  const folder = await mkdtemp(join(dirname(tarPath), "standins-export-"));
  try {
    const files = new Map<string, string>();
    const manifest = names.map((name) => {
      const { config, layers } = standIns.images[name];
      const add = (digest: string, fileName: string): string => {
        files.set(fileName, blobPath(standIns.storage, digest));
        return fileName;
      };
      return {
        Config: add(config.digest, `${hexFrom(config.digest)}.json`),
        RepoTags: tagsFrom(name),
        Layers: layers.map(({ digest }) => add(digest, `${hexFrom(digest)}.tar`)),
      };
    });
    await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
    for (const [name, target] of files) await symlink(target, join(folder, name));

    const entries = ["manifest.json", ...files.keys()];
    // The same stand-ins make the same archive, byte for byte: guest images are built once per content.
    const stable = ["--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--mode=0644", "--dereference"];
    await execFileAsync("tar", ["--create", ...stable, "--file", tarPath, "--directory", folder, ...entries], {
      signal,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Names as `docker images` shows them: Docker Hub's own images go without `library/`. */
function tagsFrom(name: StandInName): string[] {
  const { repository, tags } = STAND_INS[name];
  return tags.map((tag) => `${repository.replace("library/", "")}:${tag}`);
}

function hexFrom(digest: string): string {
  return digest.replace("sha256:", "");
}
