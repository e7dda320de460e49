import type { Problem } from "../domain/errors.ts";
import { valueAt } from "./problems.ts";
import type { PlaceOf } from "./problems.ts";
import { checkIdleWish } from "./scheduleRules.ts";
import type { PolicyTable } from "./scheduleRules.ts";
import { checkBudget, checkTarget } from "./targetRules.ts";
import type { Path } from "./toml.ts";

/** Checks what a pool, or one of its shadows, says of its policy. */
export function checkPolicy(policy: PolicyTable, placeOf: PlaceOf, hasKey: (path: Path) => boolean): Problem[] {
  return [
    ...(valueAt(policy.table, ["target"]) === undefined ? checkIdleWish(policy, placeOf) : []),
    ...checkTarget(policy, placeOf, hasKey),
    ...checkBudget(policy, placeOf),
  ];
}

/** What a shadow has of its pool where it does not say itself. */
const INHERITED = ["max_machines", "driver", "cost"] as const;

/** Checks `[[pool.shadow]]` by the very rules of a pool's own policy. */
export function checkShadows(
  pool: unknown,
  index: number,
  placeOf: PlaceOf,
  hasKey: (path: Path) => boolean,
): Problem[] {
  const shadows = valueAt(pool, ["shadow"]);
  const list: readonly unknown[] = Array.isArray(shadows) ? shadows : [];
  const under = Object.fromEntries(INHERITED.map((key) => [key, valueAt(pool, [key])]));
  return list.flatMap((shadow, position) => {
    if (typeof shadow !== "object" || shadow === null) return [];
    const at = ["pool", index, "shadow", position];
    return [
      ...checkChoice(shadow, at, placeOf),
      ...checkUnique(list, position, at, placeOf),
      ...checkPolicy({ table: { ...under, ...shadow }, at, name: "pool.shadow" }, placeOf, hasKey),
    ];
  });
}

function checkChoice(shadow: object, at: Path, placeOf: PlaceOf): Problem[] {
  if ("idle_count" in shadow || "target" in shadow) return [];
  const message = "Expected [[pool.shadow]] to hold `idle_count` or [pool.shadow.target], got neither";
  return [{ place: placeOf(at), message }];
}

function checkUnique(list: readonly unknown[], position: number, at: Path, placeOf: PlaceOf): Problem[] {
  const name = valueAt(list[position], ["name"]);
  const first = list.findIndex((shadow) => valueAt(shadow, ["name"]) === name);
  if (typeof name !== "string" || first === position) return [];
  const place = placeOf([...at.slice(0, -1), first, "name"]);
  const message = `Expected \`pool.shadow.name\` to be unique in its pool, got "${name}" again (first at ${place})`;
  return [{ place: placeOf([...at, "name"]), message }];
}
