import { link, mkdir, mkdtemp, readdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { goldenFolders, goldenRoot } from "../../src/drivers/qemu/golden/folder.ts";

/** The same images with golden states of their own: those that are there now, by other names of their files. */
export async function ownImagesDir(imagesDir: string): Promise<string> {
  const own = await mkdtemp(join(dirname(imagesDir), "images-of-a-test-"));
  for (const name of (await readdir(imagesDir)).filter((one) => one !== "golden" && !one.startsWith(".")))
    await symlink(join(imagesDir, name), join(own, name));
  for (const folder of await goldenFolders(await goldenRoot(imagesDir))) {
    const copy = folder.replace(await goldenRoot(imagesDir), await goldenRoot(own));
    await mkdir(copy, { recursive: true, mode: 0o700 });
    for (const name of await readdir(folder)) await link(join(folder, name), join(copy, name));
  }
  return own;
}
