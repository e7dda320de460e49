import { execFile, spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeDaemonHome } from "../../support/localDaemon.ts";
import type { DaemonHome, LocalDaemon } from "../../support/localDaemon.ts";
import { readmeBlock } from "../../support/readme.ts";

// What stands in the README runs, as it stands there, against a daemon whose machines are pretended.

const hasCurl = spawnSync("curl", ["--version"]).status === 0;
const run = promisify(execFile);
const INDEX = new URL("../../../src/index.ts", import.meta.url).href;
const env = (socketPath: string) => ({ ...process.env, MAYFLY_SOCKET: socketPath });

let home: DaemonHome;
let daemon: LocalDaemon;

beforeEach(async () => {
  home = await makeDaemonHome();
  daemon = await home.startReady();
});
afterEach(() => home[Symbol.asyncDispose]());

/** What every example is for: one machine, held, used, and given back. */
async function expectOneReleasedLease(holder: string): Promise<void> {
  const leases = await daemon.client.leases(true);

  expect(leases).toMatchObject([{ lease: { state: "ended", outcome: "released", holder, poolName: "small" } }]);
  expect(await daemon.client.machines(true)).toMatchObject([{ reason: "lease-released" }]);
}

it("runs a command on a fresh machine from TypeScript", async () => {
  const code = await readmeBlock("ts", 'from "mayfly"');
  const program = join(home.folder, "program.ts");
  // What `npm install mayfly` makes of the name, made from the source.
  const installed = join(home.folder, "node_modules", "mayfly");
  await mkdir(installed, { recursive: true });
  await writeFile(join(installed, "package.json"), '{"name":"mayfly","type":"module","exports":"./index.js"}');
  await writeFile(join(installed, "index.js"), `export * from ${JSON.stringify(INDEX)};\n`);
  await writeFile(join(home.folder, "package.json"), '{"type":"module"}');
  await writeFile(program, code);

  const { stdout, stderr } = await run(process.execPath, [program], { env: env(home.socketPath) });

  expect(stderr).toBe("");
  expect(stdout).toMatch(/^Linux .*\nm-\w+: exit code 3\n$/);
  await expectOneReleasedLease("my-program");
});

it.skipIf(!hasCurl)("runs a command on a fresh machine with curl (which must be installed)", async () => {
  const code = await readmeBlock("sh", "curl ");

  const { stdout, stderr } = await run("sh", ["-eu", "-c", code], { env: env(home.socketPath) });

  expect(stderr).toBe("");
  expect(stdout).toMatch(/^\{"stdout":"Linux .*\\n"\}\n\{"exitCode":3\}\n\{"lease":\{.*"outcome":"released"/);
  await expectOneReleasedLease("curl");
});
