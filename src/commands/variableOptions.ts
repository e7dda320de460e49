import { VARIABLE_NAME } from "../ci/variables.ts";
import { ConfigError } from "../domain/errors.ts";
import type { Problem } from "../domain/errors.ts";

/** Reads the values of `--variable NAME=VALUE`. @throws ConfigError with every wrong one. */
export function variablesFrom(options: readonly string[]): Record<string, string> {
  const problems: Problem[] = [];
  const variables = options.map((option): [string, string] => {
    const [name = ""] = option.split("=", 1);
    // What stands after a wrong name may be a secret.
    if (!option.includes("=") || !VARIABLE_NAME.test(name)) {
      problems.push({
        place: "--variable",
        message: `Expected NAME=VALUE with letters, digits and _ in NAME, got "${name}"`,
      });
    }
    return [name, option.slice(name.length + 1)];
  });
  if (problems.length > 0) throw new ConfigError(problems, "usage");
  return Object.fromEntries(variables);
}
