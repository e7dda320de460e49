import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { ConfigError } from "../domain/errors.ts";
import type { RunnerHelper } from "../fleet/custom-executor/helper.ts";
import type { CommandContext } from "./context.ts";

/** Either serves: the runner is its own helper. */
const NAMES = ["gitlab-runner-helper", "gitlab-runner"];

/**
 * Finds the program that the runner's scripts call for caches and artifacts.
 * @param named what `--runner-helper` says; `none` for no program.
 * @returns undefined when none is wanted, or there is none.
 * @throws ConfigError when the named one is not there.
 */
export async function findHelper(
  named: string | undefined,
  { env, cwd }: Pick<CommandContext, "env" | "cwd">,
): Promise<RunnerHelper | undefined> {
  if (named === "none") return undefined;
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const candidates =
    named === undefined ? NAMES.flatMap((name) => folders.map((folder) => join(folder, name))) : [resolve(cwd, named)];
  for (const path of candidates) {
    const sizeBytes = await programSize(path);
    if (sizeBytes !== undefined) return { path, sizeBytes, isNamed: named !== undefined };
  }
  if (named === undefined) return undefined;
  throw new ConfigError([{ place: "--runner-helper", message: `Expected a program, got "${named}"` }], "usage");
}

async function programSize(path: string): Promise<number | undefined> {
  try {
    await access(path, constants.R_OK | constants.X_OK);
    const stats = await stat(path);
    return stats.isFile() ? stats.size : undefined;
  } catch {
    return undefined;
  }
}
