import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { relative } from "node:path";
import { ConfigError } from "../domain/errors.ts";
import { defaultStateDir, findConfig } from "./find.ts";
import type { Surroundings } from "./find.ts";
import { explainConfig } from "./parse.ts";
import type { ExplainedConfig } from "./parse.ts";

/** A config and the file that it came from. */
export interface LoadedConfig extends ExplainedConfig {
  /** Absolute; undefined when there is no file and all values are defaults. */
  readonly path: string | undefined;
}

/**
 * Finds, reads and checks the config.
 * @param option the file that the command line names, if any.
 * @throws ConfigError with every problem; `config-unreadable` when a named file cannot be read.
 */
export async function loadConfig(option: string | undefined, surroundings: Surroundings): Promise<LoadedConfig> {
  const stateDir = defaultStateDir(surroundings);
  const path = findConfig(option, surroundings, existsSync);
  if (path === undefined) return { ...explainConfig("", "the default state directory", stateDir), path };
  const fileName = shownPath(surroundings.cwd, path);
  return { ...explainConfig(await readConfigText(path, fileName), fileName, stateDir), path };
}

/** How messages name a file: as seen from the current directory, if it is below it. Below the root, where services run, is everything. */
export function shownPath(cwd: string, path: string): string {
  const shown = relative(cwd, path);
  return shown.startsWith("..") || cwd === "/" ? path : shown;
}

/** Reads a file in UTF-8. @throws ConfigError `config-unreadable` when it cannot be read. */
export async function readConfigText(path: string, fileName: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    const message = REASONS[code] ?? `Expected a readable file, got ${code}`;
    throw new ConfigError([{ place: fileName, message }], "config-unreadable");
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "Expected a config file, there is none",
  EISDIR: "Expected a config file, it is a directory",
  EACCES: "Expected a readable config file, permission is denied",
  ERR_ENCODING_INVALID_ENCODED_DATA: "Expected a config file in UTF-8, it holds other bytes",
};
