import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { defaultStateDir, findConfig } from "../../config/find.ts";
import type { Surroundings } from "./call.ts";
import { CallError } from "./errors.ts";

/**
 * Where a daemon is expected that made none of our machines yet: the option, MAYFLY_SOCKET, else what the config says, of which
 * nothing else is read or checked.
 */
export async function socketPathOf(option: string | undefined, { env, cwd }: Surroundings): Promise<string> {
  const named = option || env["MAYFLY_SOCKET"];
  if (named) return resolve(cwd, named);
  const stateDir = defaultStateDir({ env, homeDir: homedir(), isRoot: process.geteuid?.() === 0 });
  const path = findConfig(undefined, { env, cwd }, existsSync);
  if (path === undefined) return join(stateDir, "mayfly.sock");
  // The parser takes longer to load than all else here: MAYFLY_SOCKET spares it.
  const { parseToml } = await import("../../config/toml.ts");
  const { api, state_dir = stateDir } = parseToml(readText(path), path).value as {
    api?: { socket?: string };
    state_dir?: string;
  };
  return api?.socket ?? join(state_dir, "mayfly.sock");
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new CallError(`cannot read the config of mayfly: ${(error as Error).message}; MAYFLY_SOCKET spares it`, 3);
  }
}
