import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle, bundleProgram } from "../support/bundle/bundle.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The sources bundled and laid out as they are published, in a folder that lives until it is disposed of. */
export interface BuiltSources extends AsyncDisposable {
  /** Answers the file of a bin, named as below `src` without its ending. */
  file(source: string): string;
  /** Bundles one more program, as the bins are; answers its file. @param name of it, without an ending. */
  add(name: string, source: string): Promise<string>;
}

/** Bundles the sources. */
export async function buildSources(): Promise<BuiltSources> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-built-"));
  await bundle(join(folder, "dist"));
  await cp(join(ROOT, "package.json"), join(folder, "package.json"));
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return {
    file: (source) => join(folder, "dist", `${source}.js`),
    async add(name, source) {
      await bundleProgram(join(folder, "dist"), name, source);
      return join(folder, "dist", `${name}.js`);
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Milliseconds from the start of a process of Node to its end. @throws Error when it fails. */
export async function timedNode(args: readonly string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, { env, stdio: "ignore", signal });
  const [exitCode] = (await once(child, "close")) as [number | null];
  if (exitCode !== 0) throw new Error(`node ${args.join(" ")} ended with ${exitCode}`);
  return performance.now() - startedAt;
}
