import type { Problem } from "../domain/errors.ts";
import { integerAt, valueAt } from "./problems.ts";
import type { PlaceOf } from "./problems.ts";
import type { Path } from "./toml.ts";

/** Checks what a pool, or one of its shadows, and each section of its schedule over its own values keeps ready. */
export function checkIdleWish({ table: pool, at: place, name }: PolicyTable, placeOf: PlaceOf): Problem[] {
  const sections = valueAt(pool, ["schedule"]);
  const list: readonly unknown[] = Array.isArray(sections) ? sections : [];
  const own = wishOf(pool, place, name);
  return [
    ...checkCounts(own, pool, placeOf),
    ...list.flatMap((section, at) => {
      const wish = wishOf(section, [...place, "schedule", at], `${name}.schedule`, own);
      // What the section does not say is wrong in the pool already, or not at all.
      return wish.isAnySet ? checkCounts(wish, pool, placeOf) : [];
    }),
  ];
}

/** A table that says how many machines a pool has when: the pool's own, or that of a shadow with the pool's values under it. */
export interface PolicyTable {
  readonly table: unknown;
  readonly at: Path;
  /** As messages write it, e.g. `pool.shadow`. */
  readonly name: string;
}

const COUNTS = ["idle_count", "idle_count_min", "idle_count_max", "stopped_count"] as const;

interface Wish {
  readonly at: Path;
  readonly name: string;
  readonly isAnySet: boolean;
  readonly factor: number;
  readonly counts: Readonly<Partial<Record<(typeof COUNTS)[number], number>>>;
}

function wishOf(table: unknown, at: Path, name: string, under?: Wish): Wish {
  const own = COUNTS.flatMap((key) => {
    const count = integerAt(table, key);
    return count === undefined ? [] : [[key, count] as const];
  });
  const factor = valueAt(table, ["idle_scale_factor"]);
  return {
    at,
    name,
    isAnySet: own.length > 0 || factor !== undefined,
    factor: typeof factor === "number" ? factor : (under?.factor ?? 0),
    counts: { ...under?.counts, ...Object.fromEntries(own) },
  };
}

function checkCounts({ at, name, factor, counts }: Wish, pool: unknown, placeOf: PlaceOf): Problem[] {
  const maxMachines = integerAt(pool, "max_machines");
  const { idle_count: idleCount, idle_count_min: min, idle_count_max: max, stopped_count: stopped = 0 } = counts;
  if (idleCount === undefined || maxMachines === undefined) return [];
  const problem = (key: string, rule: string, got: string): Problem[] => [
    { place: placeOf([...at, key]), message: `Expected \`${name}.${key}\` to be ${rule}, got ${got}` },
  ];
  const limit = `at most \`pool.max_machines\` (${maxMachines})`;
  if (idleCount > maxMachines) return problem("idle_count", limit, String(idleCount));
  if (max !== undefined && max > maxMachines) return problem("idle_count_max", limit, String(max));
  if (min !== undefined && min > idleCount)
    return problem("idle_count_min", `at most \`idle_count\` (${idleCount})`, String(min));
  if (max !== undefined && max < idleCount)
    return problem("idle_count_max", `at least \`idle_count\` (${idleCount})`, String(max));
  if (factor > 0 && (min ?? idleCount) === (max ?? idleCount)) {
    const rule = `0, or beside an \`idle_count_min\` below or an \`idle_count_max\` above \`idle_count\` (${idleCount}), between which it scales`;
    return problem("idle_scale_factor", rule, String(factor));
  }
  if (stopped === 0 || idleCount + stopped <= maxMachines) return [];
  const message = `Expected \`${name}.idle_count\` and \`${name}.stopped_count\` together to be ${limit}, got ${idleCount} and ${stopped}`;
  return [{ place: placeOf([...at, "stopped_count"]), message }];
}
