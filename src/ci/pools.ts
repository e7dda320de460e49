import { ConfigError } from "../domain/errors.ts";
import type { PipelineJob } from "./model.ts";
import { suggestionFor } from "./suggest.ts";

/** Where each job runs, and what could not be honoured. */
export interface PoolChoice {
  poolNameOf(job: PipelineJob): string;
  readonly warnings: readonly string[];
}

/**
 * Chooses a pool for each job: the one asked for, else the first of its tags that is a pool's name, else the first pool.
 * @param poolNames in the order of the config, at least one.
 * @throws ConfigError when the pool asked for does not exist.
 */
export function choosePools(
  jobs: readonly PipelineJob[],
  poolNames: readonly string[],
  asked: string | undefined,
): PoolChoice {
  const [first] = poolNames;
  if (first === undefined) {
    throw new ConfigError([{ place: "config", message: "Expected at least one [[pool]], got none" }], "pool-missing");
  }
  if (asked !== undefined && !poolNames.includes(asked)) {
    const message = `Expected one of the pools ${poolNames.join(", ")}, got "${asked}"${suggestionFor(asked, poolNames)}`;
    throw new ConfigError([{ place: "--pool", message }], "pool-unknown");
  }
  if (asked !== undefined) return { poolNameOf: () => asked, warnings: [] };
  const isPool = (tag: string): boolean => poolNames.includes(tag);
  const unknownTags = new Set(jobs.flatMap(({ tags }) => tags).filter((tag) => !isPool(tag)));
  return {
    poolNameOf: ({ tags }) => tags.find(isPool) ?? first,
    warnings: [...unknownTags].map((tag) => `tag "${tag}" is not honoured: no pool has that name`),
  };
}
