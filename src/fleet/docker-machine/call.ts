import type { Streams } from "../streams.ts";
import type { Parsed } from "./flags.ts";

/** What a call knows of the world around it. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly io: Streams;
}

/** One call of docker-machine, its global flags read. */
export interface Call extends Surroundings {
  /** Absolute; machines are in `machines` under it. */
  readonly storagePath: string;
  readonly global: Parsed;
  /** What stands behind the command's name. */
  readonly args: readonly string[];
  /** Writes a line on stdout. What is no failure goes there: a runner logs stderr as errors. */
  say(line: string): void;
}
