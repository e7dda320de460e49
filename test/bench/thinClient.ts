import type { Progress } from "../../src/ports/progress.ts";
import { startShimHost } from "../support/shimHost.ts";
import { buildSources, timedNode } from "./built.ts";
import { comparisonFrom } from "./turns.ts";
import type { Comparison } from "./turns.ts";

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
  await using built = await buildSources(signal);
  const main = built.file("fleet/docker-machine/main");
  await using host = await startShimHost({ bootMs: 0 });
  const env = { ...process.env, MACHINE_STORAGE_PATH: host.storagePath, MAYFLY_SOCKET: host.socketPath };
  const call = (...args: readonly string[]): Promise<number> => timedNode([main, ...args], env, signal);
  const nothing = (): Promise<number> => timedNode(["-e", "0"], env, signal);

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
