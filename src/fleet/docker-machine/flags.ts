import { CallError } from "./errors.ts";

/** What a flag takes: nothing, one value, or one value each time that it is given. */
export type FlagKind = "boolean" | "value" | "list";
/** Flags by their names, without dashes. Short ones stand beside the long ones that they mean. */
export type FlagSpec = Readonly<Record<string, FlagKind | { readonly means: string }>>;

/** Words of a command line, told apart. */
export interface Parsed {
  readonly words: readonly string[];
  flag(name: string): boolean;
  value(name: string): string | undefined;
  values(name: string): readonly string[];
  /** Names of the flags that were given, in order, without dashes, each once. */
  readonly given: readonly string[];
}

export interface ParseOptions {
  /** Stops at the first word, so that all from there on stay as they are. */
  readonly stopsAtWord?: boolean;
  /** Whether a flag that is not in the spec is taken; its value, if any, stands behind `=`. */
  readonly takes?: (name: string) => boolean;
}

/**
 * Reads flags as docker-machine does: one dash or two, `--x=y`, `--x y` and `--x=`, before and after words; `--` ends them.
 * @throws CallError for what the spec does not know.
 */
export function parseFlags(args: readonly string[], spec: FlagSpec, options: ParseOptions = {}): Parsed {
  const words: string[] = [];
  const values = new Map<string, string[]>();
  const put = (name: string, value: string): void => void values.set(name, [...(values.get(name) ?? []), value]);

  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? "";
    if (arg === "--" || (options.stopsAtWord === true && words.length > 0)) {
      words.push(...args.slice(arg === "--" ? index + 1 : index));
      break;
    }
    const [, given, equals] = /^--?([^-=][^=]*)(=)?/s.exec(arg) ?? [];
    if (given === undefined) {
      words.push(arg);
      continue;
    }
    const known = Object.hasOwn(spec, given) ? spec[given] : undefined;
    const name = typeof known === "object" ? known.means : given;
    const kind = typeof known === "object" ? spec[known.means] : known;
    const value = equals === undefined ? undefined : arg.slice(arg.indexOf("=") + 1);
    if (kind === undefined) {
      if (options.takes?.(given) !== true) throw new CallError(`flag provided but not defined: -${given}`);
      put(name, value ?? "true");
    } else if (kind === "boolean") {
      put(name, booleanFrom(given, value ?? "true"));
    } else if (value !== undefined) {
      put(name, value);
    } else {
      index += 1;
      const next = args[index];
      if (next === undefined) throw new CallError(`flag needs an argument: -${given}`);
      put(name, next);
    }
  }
  return {
    words,
    given: [...values.keys()],
    flag: (name) => values.get(name)?.at(-1) === "true",
    value: (name) => values.get(name)?.at(-1),
    values: (name) => values.get(name) ?? [],
  };
}

/** Words that Go takes for a boolean. Source: strconv.ParseBool. */
const TRUE = ["1", "t", "T", "TRUE", "true", "True"];
const FALSE = ["0", "f", "F", "FALSE", "false", "False"];

function booleanFrom(name: string, text: string): "true" | "false" {
  if (TRUE.includes(text)) return "true";
  if (FALSE.includes(text)) return "false";
  throw new CallError(`invalid boolean value ${JSON.stringify(text)} for -${name}`);
}
