import { execFile } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bundle } from "../../support/bundle/bundle.ts";
import { startShimHost } from "../../support/shimHost.ts";
import type { ShimHost } from "../../support/shimHost.ts";

// Each package that a start looks for and loads costs it as much time as all of ours; one was enough to make it three times as long.

let folder: string;
let host: ShimHost;

/** The bins where no package can be found. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-bundle-"));
  await bundle(join(folder, "dist"));
  await cp(fileURLToPath(new URL("../../../package.json", import.meta.url)), join(folder, "package.json"));
  host = await startShimHost({ bootMs: 0 });
}, 60_000);
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function run(bin: string, words: string): Promise<string> {
  const { MAYFLY_CONFIG: _config, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, "dist", bin), ...words.split(" ")], {
    env: { ...env, MAYFLY_SOCKET: host.socketPath, MACHINE_STORAGE_PATH: host.storagePath, XDG_CACHE_HOME: folder },
    cwd: folder,
  });
  return stdout;
}

it.each([
  ["--version", "."],
  ["--help", "Usage: mayfly"],
  ["pool list", "small"],
  ["pool show small", "small"],
  ["machine list", "machine"],
  ["job list", "job"],
  ["lease acquire --pool small", "held"],
  ["lease list", "small"],
])("mayfly %s needs no package beside its own files", async (words, said) => {
  expect(await run("cli.js", words)).toContain(said);
});

it.each([
  ["create --driver mayfly one", ""],
  ["url one", "tcp://"],
  ["ls", "one"],
])("docker-machine %s needs no package beside its own files", async (words, said) => {
  expect(await run("fleet/docker-machine/main.js", words)).toContain(said);
});
