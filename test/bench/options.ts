import { parseArgs } from "node:util";
import { ConfigError } from "../../src/domain/errors.ts";
import type { Bench } from "./bench.ts";

export interface BenchOptions {
  /** How often each figure is taken. @default 20 */
  readonly rounds: number;
  /** @default all */
  readonly benches: readonly Bench[];
  /** Whether the run goes to stdout as JSON. */
  readonly isJson: boolean;
  /** A file for the run as JSON. */
  readonly out: string | undefined;
  /** A file for the run as SVG. */
  readonly picture: string | undefined;
  /** Whether the run is added to the history, and its picture kept beside it. */
  readonly isRecorded: boolean;
}

/** Reads the arguments of `npm run bench`. @throws ConfigError that names the wrong one. */
export function readBenchOptions(args: string[], benches: readonly Bench[]): BenchOptions {
  const values = parse(args);
  const rounds = Number(values.rounds ?? 20);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw usage("--rounds", `Expected an integer ≥ 1, got "${values.rounds}"`);
  }
  const names = values.only?.split(",");
  const unknown = names?.find((name) => benches.every((bench) => bench.name !== name));
  if (unknown !== undefined) {
    throw usage("--only", `Expected some of ${benches.map(({ name }) => name).join(", ")}, got "${unknown}"`);
  }
  return {
    rounds,
    benches: benches.filter(({ name }) => names?.includes(name) ?? true),
    isJson: values.json ?? false,
    out: values.out,
    picture: values.picture,
    isRecorded: values.record ?? false,
  };
}

function parse(args: string[]) {
  const [text, flag] = [{ type: "string" }, { type: "boolean" }] as const;
  try {
    return parseArgs({
      args,
      options: { rounds: text, only: text, json: flag, out: text, picture: text, record: flag },
    }).values;
  } catch (error) {
    throw usage("bench", (error as Error).message);
  }
}

function usage(place: string, message: string): ConfigError {
  return new ConfigError([{ place, message }], "usage");
}
