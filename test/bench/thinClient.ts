import type { Progress } from "../../src/ports/progress.ts";
import { startShimHost } from "../support/shimHost.ts";
import { buildSources, timedNode } from "./built.ts";
import { comparisonFrom } from "./turns.ts";
import type { Comparison } from "./turns.ts";

/** How often longer than Node itself one call may take. */
const GOAL = 1.5;
const STORE_PATH = "{{.HostOptions.AuthOptions.StorePath}}";

/** Calls of `mayfly` that ask a daemon, or nobody, and are done. */
const MAYFLY_CALLS = ["--version", "pool list", "machine list", "job list", "lease acquire --pool small"] as const;

/**
 * Compares calls of the bins with a process of Node that does nothing: those of `mayfly` that ask a daemon at most, one of
 * docker-machine that asks nobody, and all that a runner makes of it for one job, with a manager whose machine is ready at once.
 */
export async function compareThinClients(
  rounds: number,
  progress: Progress,
  signal: AbortSignal,
): Promise<readonly Comparison[]> {
  const step = progress.step("Measuring calls of mayfly and docker-machine");
  await using built = await buildSources();
  await using host = await startShimHost({ bootMs: 0 });
  const env = { ...process.env, MACHINE_STORAGE_PATH: host.storagePath, MAYFLY_SOCKET: host.socketPath };
  const nothing = (): Promise<number> => timedNode(["-e", "0"], env, signal);
  const mayfly = (words: string): Promise<number> => timedNode([built.file("cli"), ...words.split(" ")], env, signal);
  const machine = (...words: string[]): Promise<number> =>
    timedNode([built.file("fleet/docker-machine/main"), ...words], env, signal);

  const mayflyCalls = MAYFLY_CALLS.map((words) => ({ words, pairs: [] as [number, number][] }));
  const urls: [number, number][] = [];
  const jobs: [number, number][] = [];
  // The first round fills the cache of compiled code, and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    step.update(`round ${round} of ${rounds}`, round / (rounds + 1));
    for (const { words, pairs } of mayflyCalls) {
      const pair: [number, number] = [await nothing(), await mayfly(words)];
      if (round > 0) pairs.push(pair);
    }
    for (const { lease } of await host.client.leases(false)) await host.client.releaseLease(lease.id);
    const name = `runner-${round}`;
    const calls = [
      await machine("create", "--driver", "mayfly", name),
      await machine("config", name),
      await machine("url", name),
      await machine("inspect", name, "-f", STORE_PATH),
    ];
    const pair: [number, number] = [await nothing(), await machine("url", name)];
    calls.push(await machine("inspect", name), await machine("stop", name), await machine("rm", "-y", name));
    if (round === 0) continue;
    urls.push(pair);
    jobs.push([pair[0], calls.reduce((sum, ms) => sum + ms, 0)]);
  }
  step.done(`${rounds} rounds`);
  const goal = { of: "ratio", atMost: GOAL } as const;
  const compare = (words: string, pairs: readonly (readonly [number, number])[]): Comparison =>
    comparisonFrom(`one call of ${words}`, "ms", ["node -e 0", words], pairs);
  const job = comparisonFrom("a docker+machine job", "ms", ["node -e 0, once", "its seven calls, added up"], jobs);
  return [
    ...mayflyCalls.map(({ words, pairs }) => ({ ...compare(`mayfly ${words}`, pairs), goal })),
    { ...compare("docker-machine url", urls), goal },
    job,
  ];
}
