import { readFileSync } from "node:fs";
import { importRunnerConfig } from "../../src/config/import/config.ts";
import type { Note } from "../../src/config/import/notes.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { DesiredPool } from "../../src/domain/pool.ts";

const folder = new URL("runnerConfigs/", import.meta.url);

/** Samples of a runner's file, as GitLab's documentation has them, by name. Every secret in them holds the word hunter2. */
export const SAMPLES = ["docker-machine", "docker-autoscaler", "both"] as const;

export const sampleText = (name: (typeof SAMPLES)[number]): string =>
  readFileSync(new URL(`${name}.toml`, folder), "utf8");

/** An imported file, read back as `config check` does. */
export interface Imported {
  readonly toml: string;
  readonly notes: readonly Note[];
  readonly pools: readonly DesiredPool[];
}

/** Imports a runner's file. @throws ConfigError as the import and the check of its result do. */
export function importText(text: string, localZone = "UTC"): Imported {
  const { toml, notes } = importRunnerConfig(text, "config.toml", localZone);
  return { toml, notes, pools: parseConfig(toml, "mayfly.toml", "/state").pools };
}
