import type { DesiredPool } from "../../domain/pool.ts";
import type { StoredShadowPeriod } from "../../ports/store.ts";
import type { Heard } from "./heard.ts";
import type { Shadow } from "./shadow.ts";

/** The shadows of all pools, and what they are to hear yet. */
export interface ShadowDesk {
  /** By pool, then by name. */
  readonly byPool: Map<string, Map<string, Shadow>>;
  /** What was committed since the last pass, by pool. */
  readonly heard: Map<string, Heard[]>;
  /** Stretches that are over and not written yet. */
  readonly unrecorded: StoredShadowPeriod[];
  /** Pools whose shadows are as the configuration has them, and those of which no boot was measured yet. */
  readonly settled: Map<string, DesiredPool["shadows"]>;
  readonly bootless: Map<string, DesiredPool["shadows"]>;
}

/** Creates an empty desk. */
export const createShadowDesk = (): ShadowDesk => ({
  ...{ byPool: new Map(), heard: new Map(), unrecorded: [] },
  ...{ settled: new Map(), bootless: new Map() },
});

/** Keeps in mind what a pool's shadows are to hear: cheap, since some of it is a job's way to its machine. */
export function hear({ byPool, heard }: ShadowDesk, poolName: string, news: readonly Heard[]): void {
  if (byPool.get(poolName) === undefined) return;
  const known = heard.get(poolName);
  if (known === undefined) heard.set(poolName, [...news]);
  else known.push(...news);
}
