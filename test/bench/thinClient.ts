import { spawn, execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Progress } from "../../src/ports/progress.ts";
import { startShimHost } from "../support/shimHost.ts";
import { comparisonFrom } from "./turns.ts";
import type { Comparison } from "./turns.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** How often longer than Node itself one call may take. */
const GOAL = 1.5;
const STORE_PATH = "{{.HostOptions.AuthOptions.StorePath}}";

/**
 * Compares a call of docker-machine with a process of Node that does nothing: the one that asks nobody, and all calls that a
 * runner makes for one job, with a manager whose machine is ready at once.
 */
export async function compareThinClient(
  rounds: number,
  progress: Progress,
  signal: AbortSignal,
): Promise<readonly Comparison[]> {
  const step = progress.step("Measuring calls of docker-machine");
  await using built = await buildShim(signal);
  await using host = await startShimHost({ bootMs: 0 });
  const env = { ...process.env, MACHINE_STORAGE_PATH: host.storagePath, MAYFLY_SOCKET: host.socketPath };
  const call = (...args: readonly string[]): Promise<number> => timed([built.main, ...args], env, signal);
  const nothing = (): Promise<number> => timed(["-e", "0"], env, signal);

  const urls: [number, number][] = [];
  const jobs: [number, number][] = [];
  // The first round fills the cache of compiled code, and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    step.update(`round ${round} of ${rounds}`, round / (rounds + 1));
    const name = `runner-${round}`;
    const calls = [
      await call("create", "--driver", "mayfly", name),
      await call("config", name),
      await call("url", name),
      await call("inspect", name, "-f", STORE_PATH),
    ];
    const pair: [number, number] = [await nothing(), await call("url", name)];
    calls.push(await call("inspect", name), await call("stop", name), await call("rm", "-y", name));
    if (round === 0) continue;
    urls.push(pair);
    jobs.push([pair[0], calls.reduce((sum, ms) => sum + ms, 0)]);
  }
  step.done(`${rounds} rounds`);
  const url = comparisonFrom("one call of docker-machine", "ms", ["node -e 0", "docker-machine url NAME"], urls);
  const job = comparisonFrom("a docker+machine job", "ms", ["node -e 0, once", "its seven calls, added up"], jobs);
  return [{ ...url, goal: { of: "ratio", atMost: GOAL } }, job];
}

/** Milliseconds from the start of a process of Node to its end. @throws Error when it fails. */
async function timed(args: readonly string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, { env, stdio: "ignore", signal });
  const [exitCode] = (await once(child, "close")) as [number | null];
  if (exitCode !== 0) throw new Error(`node ${args.join(" ")} ended with ${exitCode}`);
  return performance.now() - startedAt;
}

/** Compiles the sources as they are published, into a folder that lives until it is disposed of. */
async function buildShim(signal: AbortSignal): Promise<{ readonly main: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-built-"));
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const args = [tsc, "-p", join(ROOT, "tsconfig.json"), "--noEmit", "false", "--outDir", folder];
  await promisify(execFile)(process.execPath, args, { cwd: ROOT, signal });
  await writeFile(join(folder, "package.json"), '{ "type": "module" }\n');
  return {
    main: join(folder, "fleet/docker-machine/main.js"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
