import { homedir } from "node:os";
import { resolve } from "node:path";
import type { Surroundings } from "./call.ts";
import { CallError } from "./errors.ts";

/** Where a daemon is expected that made none of our machines yet: the option, MAYFLY_SOCKET, else what the config says. */
export async function socketPathOf(option: string | undefined, { env, cwd }: Surroundings): Promise<string> {
  const named = option || env["MAYFLY_SOCKET"];
  if (named) return resolve(cwd, named);
  const { socketPathFrom } = await import("../../config/socketPath.ts");
  const isRoot = process.geteuid?.() === 0;
  const path = await socketPathFrom(undefined, { env, cwd, homeDir: homedir(), isRoot });
  if (path !== undefined) return path;
  throw new CallError("the config of mayfly does not tell where its daemon listens: `mayfly config check` says why", 3);
}
