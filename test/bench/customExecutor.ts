import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Progress } from "../../src/ports/progress.ts";
import { createCustomWorld } from "../support/customWorld.ts";
import { buildSources, timedNode } from "./built.ts";
import { comparisonFrom } from "./turns.ts";
import type { Comparison } from "./turns.ts";

const FLOOR = "node -e 0";

/**
 * Compares calls of the custom executor with a process of Node that does nothing: the one that asks no daemon, and a script that does
 * nothing either, on a machine that is held already and is pretended, but for the shell in which the script runs.
 */
export async function compareCustomExecutor(
  rounds: number,
  progress: Progress,
  signal: AbortSignal,
): Promise<readonly Comparison[]> {
  const step = progress.step("Measuring calls of the custom executor");
  await using built = await buildSources();
  await using world = await createCustomWorld(1);
  const cli = built.file("cli");
  const env = { ...process.env, CUSTOM_ENV_CI_JOB_ID: "1", MAYFLY_SOCKET: world.socketPath };
  const stage = (...args: readonly string[]): Promise<number> =>
    timedNode([cli, "custom-executor", ...args], env, signal);
  const nothing = (): Promise<number> => timedNode(["-e", "0"], env, signal);
  const script = join(world.folder, "script");
  await writeFile(script, "exit 0\n");
  await stage("prepare", "--ttl", "10m", "--runner-helper", "none");

  const configs: [number, number][] = [];
  const runs: [number, number][] = [];
  // The first round fills the cache of compiled code, and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    step.update(`round ${round} of ${rounds}`, round / (rounds + 1));
    const floor = await nothing();
    const pairs: [[number, number], [number, number]] = [
      [floor, await stage("config")],
      [floor, await stage("run", script, "build_script")],
    ];
    if (round === 0) continue;
    configs.push(pairs[0]);
    runs.push(pairs[1]);
  }
  await stage("cleanup");
  step.done(`${rounds} rounds`);
  return [
    comparisonFrom("a config stage of the custom executor", "ms", [FLOOR, "mayfly custom-executor config"], configs),
    comparisonFrom("a run stage of the custom executor", "ms", [FLOOR, "mayfly custom-executor run, exit 0"], runs),
  ];
}
