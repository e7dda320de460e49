import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The sources compiled and laid out as they are published, in a folder that lives until it is disposed of. */
export interface BuiltSources extends AsyncDisposable {
  /** Answers the compiled file of a source, named as below `src` without its ending. */
  file(source: string): string;
}

export async function buildSources(signal: AbortSignal): Promise<BuiltSources> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-built-"));
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const args = [tsc, "-p", join(ROOT, "tsconfig.json"), "--noEmit", "false", "--outDir", join(folder, "dist")];
  await promisify(execFile)(process.execPath, args, { cwd: ROOT, signal });
  await cp(join(ROOT, "package.json"), join(folder, "package.json"));
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return {
    file: (source) => join(folder, "dist", `${source}.js`),
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
