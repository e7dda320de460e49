import { SystemError } from "../../domain/errors.ts";
import type { JobService } from "../../domain/job.ts";

interface Listed {
  readonly name?: unknown;
  readonly alias?: unknown;
  readonly entrypoint?: unknown;
  readonly command?: unknown;
  readonly variables?: unknown;
}

/**
 * Reads CUSTOM_ENV_CI_JOB_SERVICES: a list in JSON, empty without services; of a service's aliases it has the first.
 * @throws SystemError when it is no such list. No message holds any of it.
 */
export function servicesFromEnvironment(json: string | undefined, expand: (text: string) => string): JobService[] {
  if (json === undefined || json.trim() === "") return [];
  let listed: unknown;
  try {
    listed = JSON.parse(json);
  } catch {
    listed = undefined;
  }
  if (!Array.isArray(listed)) {
    throw new SystemError("job-services-invalid", "CUSTOM_ENV_CI_JOB_SERVICES is not a list in JSON");
  }
  return listed.map((one: Listed) => ({
    name: expand(String(one.name ?? "")),
    aliases: typeof one.alias === "string" && one.alias !== "" ? one.alias.split(/[\s,]+/) : [],
    entrypoint: wordsFrom(one.entrypoint),
    command: wordsFrom(one.command),
    variables: variablesFrom(one.variables, expand),
  }));
}

const wordsFrom = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) ? value.map(String) : undefined;

/** A list of keys and values, as in the runner's job, or a mapping. */
function variablesFrom(value: unknown, expand: (text: string) => string): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  const entries: readonly (readonly [string, unknown])[] = Array.isArray(value)
    ? value.map(({ key, value: text }: { key: string; value: unknown }) => [key, text])
    : Object.entries(value);
  return Object.fromEntries(entries.map(([name, text]) => [name, expand(String(text ?? ""))]));
}
