import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defaultStateDir, findConfig } from "./find.ts";
import type { Surroundings } from "./find.ts";

/** The longest path of a unix socket that Linux can bind, in bytes (unix(7): sun_path, less its NUL). */
export const MAX_SOCKET_BYTES = 107;

/**
 * Answers where the daemon listens by the config, of which nothing else is read: whoever only asks a daemon waits for no check of
 * what that has checked, and is served while the file is being changed. Undefined when the file does not tell, for which `loadConfig`
 * has the reason.
 * @param option the file that the command line names, if any.
 */
export async function socketPathFrom(
  option: string | undefined,
  surroundings: Surroundings,
): Promise<string | undefined> {
  const stateDir = defaultStateDir(surroundings);
  const path = findConfig(option, surroundings, existsSync);
  const { api = {}, state_dir = stateDir } = path === undefined ? {} : await readFields(path);
  const { socket = typeof state_dir === "string" ? join(state_dir, "mayfly.sock") : undefined } = Object(api) as Fields;
  const isUsable =
    typeof socket === "string" && socket.startsWith("/") && Buffer.byteLength(socket) <= MAX_SOCKET_BYTES;
  return isUsable ? socket : undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** Answers what is in a file; that it names no socket when it is not TOML, or cannot be read. */
async function readFields(path: string): Promise<Fields> {
  // Most of what this takes is the loading of the parser.
  const { parseToml } = await import("./toml.ts");
  try {
    return parseToml(readFileSync(path, "utf8"), path).value;
  } catch {
    return { api: { socket: null } };
  }
}
