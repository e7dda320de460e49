import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** One deliberate fault of the source, as text: exactly one place in one file. */
export interface Patch {
  /** Below `src`. */
  readonly file: string;
  /** What stands there now. */
  readonly from: string;
  readonly to: string;
}

const SOURCE = fileURLToPath(new URL("../../../src", import.meta.url));
const PACKAGES = fileURLToPath(new URL("../../../node_modules", import.meta.url));

/** Copies the source and patches the copy. Disposing it removes it. @throws Error when the source has moved away under a patch. */
export async function copySource(patches: readonly Patch[]): Promise<AsyncDisposable & { readonly root: string }> {
  // Not below node_modules: Node strips no types there.
  const root = await mkdtemp(join(tmpdir(), "mayfly-mutant-"));
  const dispose = (): Promise<void> => rm(root, { recursive: true, force: true });
  try {
    await cp(SOURCE, join(root, "src"), { recursive: true });
    await symlink(PACKAGES, join(root, "node_modules"));
    await writeFile(join(root, "package.json"), JSON.stringify({ type: "module" }));
    for (const patch of patches) await applyPatch(join(root, "src", patch.file), patch);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { root, [Symbol.asyncDispose]: dispose };
}

async function applyPatch(path: string, { file, from, to }: Patch): Promise<void> {
  const parts = (await readFile(path, "utf8")).split(from);
  if (parts.length !== 2)
    throw new Error(`Expected this once in src/${file}, found it ${parts.length - 1} times: ${from}`);
  await writeFile(path, parts.join(to));
}
