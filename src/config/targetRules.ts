import type { Problem } from "../domain/errors.ts";
import { integerAt, valueAt } from "./problems.ts";
import type { PlaceOf } from "./problems.ts";
import type { PolicyTable } from "./scheduleRules.ts";
import type { Path } from "./toml.ts";

/** What a target chooses itself. */
const CHOSEN = ["idle_count", "idle_scale_factor"] as const;

/** Checks a target against what else a pool, or a shadow, and each section of its schedule says about idle machines. */
export function checkTarget(policy: PolicyTable, placeOf: PlaceOf, hasKey: (path: Path) => boolean): Problem[] {
  const { table: pool, at: place } = policy;
  const target = valueAt(pool, ["target"]);
  if (target === undefined) return [];
  const sections = valueAt(pool, ["schedule"]);
  const count = Array.isArray(sections) ? sections.length : 0;
  const tables: readonly Path[] = [[], ...Array.from({ length: count }, (_, at) => ["schedule", at])];
  const chosen = tables.flatMap((table) => CHOSEN.map((key) => [...table, key]));
  return [
    ...checkAim(target, policy, placeOf),
    ...chosen
      .filter((path) => hasKey([...place, ...path]))
      .map((path) => ({ place: placeOf([...place, ...path]), message: chosenMessage(path, policy) })),
    ...tables.flatMap((table) => checkBounds(policy, table, placeOf)),
    ...checkWaitPrice(target, policy, placeOf),
  ];
}

function chosenMessage(path: Path, { name: policy }: PolicyTable): string {
  const name = [policy, ...path.filter((key) => typeof key === "string")].join(".");
  return `Expected no \`${name}\` in a ${policy.split(".").at(-1)} with [${policy}.target], which chooses the idle machines of every moment: \`idle_count_min\` and \`idle_count_max\` bound it`;
}

function checkAim(target: unknown, { at, name }: PolicyTable, placeOf: PlaceOf): Problem[] {
  const given = ["share", "wait_price"].filter((key) => valueAt(target, [key]) !== undefined);
  if (given.length === 1) return [];
  const got = given.length === 0 ? "neither" : "both";
  const message = `Expected [${name}.target] to hold \`share\` or \`wait_price\`, got ${got}`;
  return [{ place: placeOf([...at, "target"]), message }];
}

function checkBounds(policy: PolicyTable, table: Path, placeOf: PlaceOf): Problem[] {
  const { table: pool } = policy;
  const countOf = (key: string): number | undefined => integerAt(valueAt(pool, table), key) ?? integerAt(pool, key);
  const maxMachines = integerAt(pool, "max_machines");
  const [min = 0, max = maxMachines] = [countOf("idle_count_min"), countOf("idle_count_max")];
  if (maxMachines === undefined || max === undefined) return [];
  const name = table.length === 0 ? policy.name : `${policy.name}.schedule`;
  const problem = (key: string, rule: string, got: number): Problem[] => {
    // What the section does not say is wrong in the pool already.
    if (integerAt(valueAt(pool, table), key) === undefined) return [];
    const message = `Expected \`${name}.${key}\` to be ${rule}, got ${got}`;
    return [{ place: placeOf([...policy.at, ...table, key]), message }];
  };
  if (max > maxMachines) return problem("idle_count_max", `at most \`pool.max_machines\` (${maxMachines})`, max);
  if (min > maxMachines) return problem("idle_count_min", `at most \`pool.max_machines\` (${maxMachines})`, min);
  if (min <= max) return [];
  const ofMin = problem("idle_count_min", `at most \`idle_count_max\` (${max})`, min);
  return ofMin.length > 0 ? ofMin : problem("idle_count_max", `at least \`idle_count_min\` (${min})`, max);
}

/** Without a price of machines, no number of them would be too many. */
function checkWaitPrice(target: unknown, { table, at, name }: PolicyTable, placeOf: PlaceOf): Problem[] {
  if (valueAt(target, ["wait_price"]) === undefined || hasPrice(table)) return [];
  const message = `Expected \`pool.cost.usd_per_hour\` above 0 beside \`${name}.target.wait_price\`: a machine of this host costs nothing otherwise, and there would be no end of them`;
  return [{ place: placeOf([...at, "target", "wait_price"]), message }];
}

/** Checks that a budget can be reckoned with. */
export function checkBudget({ table, at, name }: PolicyTable, placeOf: PlaceOf): Problem[] {
  if (valueAt(table, ["budget_per_day"]) === undefined || hasPrice(table)) return [];
  const message = `Expected \`pool.cost.usd_per_hour\` above 0 beside \`${name}.budget_per_day\`: a machine of this host costs nothing otherwise, and nothing would ever be spent`;
  return [{ place: placeOf([...at, "budget_per_day"]), message }];
}

/** Whether machines of a pool have a price, as far as its file tells: EC2's are known by mayfly. */
function hasPrice(pool: unknown): boolean {
  const usdPerHour = valueAt(pool, ["cost", "usd_per_hour"]);
  return valueAt(pool, ["driver"]) === "ec2" || (typeof usdPerHour === "number" && usdPerHour > 0);
}
