import type { ConfigChange } from "../domain/configChange.ts";
import type { ConfigEntry } from "./explain.ts";

/** Tables whose values cannot change while a manager runs: its name is on all that it launched, its store and sockets are open. */
const FIXED = ["name", "state_dir", "api", "metrics", "mirror", "gitlab"];

/** Lists what differs between the values of two configurations: values over all pools first, then pool by pool. */
export function diffConfigs(before: readonly ConfigEntry[], after: readonly ConfigEntry[]): readonly ConfigChange[] {
  const [old, next] = [tablesFrom(before), tablesFrom(after)];
  const names = [...new Set([...old.keys(), ...next.keys()])];
  return names.flatMap((poolName): ConfigChange[] => {
    const [from, to] = [old.get(poolName), next.get(poolName)];
    if (from === undefined) return [{ what: "pool-added", poolName }];
    if (to === undefined) return [{ what: "pool-removed", poolName }];
    return valuesChanged(poolName === OVERALL ? undefined : poolName, from, to);
  });
}

/** The key of a change that only a restart can apply; undefined for one that a running manager can. */
export function fixedKeyOf(change: ConfigChange): string | undefined {
  if (change.what !== "value-changed" || change.poolName !== undefined) return undefined;
  return FIXED.includes(change.key.split(".")[0] ?? "") ? change.key : undefined;
}

/** No pool has an empty name. */
const OVERALL = "";
type Values = ReadonlyMap<string, string>;

/** The values of each pool, and those over all, by their keys. */
function tablesFrom(entries: readonly ConfigEntry[]): ReadonlyMap<string, Values> {
  const nameOf = new Map<number, string>();
  for (const { path, value } of entries)
    if (path.length === 3 && path[0] === "pool" && path[2] === "name") nameOf.set(Number(path[1]), String(value));
  const tables = new Map<string, Map<string, string>>([[OVERALL, new Map()]]);
  for (const { path, value } of entries) {
    const poolName = path[0] === "pool" ? (nameOf.get(Number(path[1])) ?? OVERALL) : OVERALL;
    const table = tables.get(poolName) ?? new Map<string, string>();
    tables.set(poolName, table);
    table.set(keyFrom(path[0] === "pool" ? path.slice(2) : path), JSON.stringify(value));
  }
  return tables;
}

const keyFrom = (path: ConfigEntry["path"]): string =>
  path.map((key, index) => (typeof key === "number" ? `[${key}]` : index === 0 ? key : `.${key}`)).join("");

function valuesChanged(poolName: string | undefined, from: Values, to: Values): ConfigChange[] {
  const keys = [...new Set([...from.keys(), ...to.keys()])].filter((key) => from.get(key) !== to.get(key));
  return keys.map((key) => ({
    what: "value-changed",
    ...(poolName !== undefined && { poolName }),
    key,
    ...(from.has(key) && { from: from.get(key) }),
    ...(to.has(key) && { to: to.get(key) }),
  }));
}
