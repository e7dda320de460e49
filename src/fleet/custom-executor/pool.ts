import { ConfigError } from "../../domain/errors.ts";
import type { PoolView } from "../../ports/manager.ts";

/**
 * Chooses the pool of a runner's job: the one that was named, else the first that one of the runner's tags names, else the first.
 * @param runnerTags CI_RUNNER_TAGS: a list in JSON.
 * @throws ConfigError when there is no such pool.
 */
export function choosePool(
  pools: readonly PoolView[],
  named: string | undefined,
  runnerTags: string | undefined,
): string {
  const names = pools.map(({ desired }) => desired.name);
  if (named !== undefined) {
    if (names.includes(named)) return named;
    const message = `there is no pool "${named}"; there is: ${names.join(", ")}`;
    throw new ConfigError([{ place: "--pool", message }], "unknown-pool");
  }
  const chosen = tagsFrom(runnerTags).find((tag) => names.includes(tag)) ?? names[0];
  if (chosen !== undefined) return chosen;
  throw new ConfigError([{ place: "pool", message: "the daemon's config has no pool" }], "unknown-pool");
}

/** Runners write the list as JSON, and some wrote it as a Ruby list, which is the same for tags without escapes. */
function tagsFrom(text = ""): readonly string[] {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed.map(String) : [];
  } catch {
    return text.split(/[\s,]+/).filter((tag) => tag !== "");
  }
}
