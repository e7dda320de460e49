import type { Problem } from "../domain/errors.ts";
import { placeFrom } from "./listen.ts";
import { valueAt } from "./problems.ts";
import type { PlaceOf } from "./problems.ts";

/** Keys that say nothing without each other. */
const WEBHOOK_KEYS = ["listen", "webhook_token_file"];
const API_KEYS = ["url", "token_file", "projects"];

/** What hears of nothing, what names no pool of ours, and what listens where something else does is a mistake. */
export function checkGitlab(filled: unknown, placeOf: PlaceOf): Problem[] {
  const gitlab = valueAt(filled, ["gitlab"]);
  if (gitlab === undefined) return [];
  const hasKey = (key: string): boolean => valueAt(gitlab, [key]) !== undefined;
  if (![...WEBHOOK_KEYS, ...API_KEYS].some(hasKey)) {
    const message =
      "Expected `gitlab.listen` and `gitlab.webhook_token_file`, or `gitlab.url`, `gitlab.token_file` and `gitlab.projects`, or both: without them nothing is heard of GitLab";
    return [{ place: placeOf(["gitlab"]), message }];
  }
  return [
    ...checkTogether(WEBHOOK_KEYS, hasKey, placeOf),
    ...checkTogether(API_KEYS, hasKey, placeOf),
    ...checkPlace(filled, placeOf),
    ...checkRunners(filled, placeOf),
  ];
}

function checkTogether(keys: readonly string[], hasKey: (key: string) => boolean, placeOf: PlaceOf): Problem[] {
  const [given] = keys.filter(hasKey);
  const missing = keys.filter((key) => !hasKey(key)).map((key) => `\`gitlab.${key}\``);
  if (given === undefined || missing.length === 0) return [];
  return [{ place: placeOf(["gitlab", given]), message: `Expected ${missing.join(", ")} beside \`gitlab.${given}\`` }];
}

function checkPlace(filled: unknown, placeOf: PlaceOf): Problem[] {
  const listen = valueAt(filled, ["gitlab", "listen"]);
  if (typeof listen !== "string") return [];
  const at = (text: string): string => JSON.stringify(placeFrom(text));
  const taken = (["api", "metrics", "mirror"] as const).filter((table) => {
    const other = valueAt(filled, [table, "listen"]);
    return typeof other === "string" && at(other) === at(listen);
  });
  return taken.map((table) => ({
    place: placeOf(["gitlab", "listen"]),
    message: `Expected \`gitlab.listen\` to be another address than \`${table}.listen\`, got ${JSON.stringify(listen)}`,
  }));
}

function checkRunners(filled: unknown, placeOf: PlaceOf): Problem[] {
  const [runners, pools] = [valueAt(filled, ["gitlab", "runner"]), valueAt(filled, ["pool"])];
  if (!Array.isArray(runners) || !Array.isArray(pools)) return [];
  const names = pools.map((pool) => valueAt(pool, ["name"]));
  return runners.flatMap((runner: unknown, index): Problem[] => {
    const pool = valueAt(runner, ["pool"]);
    const [tags, runsUntagged] = [valueAt(runner, ["tags"]), valueAt(runner, ["run_untagged"])];
    const path = ["gitlab", "runner", index] as const;
    if (typeof pool === "string" && !names.includes(pool)) {
      const message = `Expected \`gitlab.runner.pool\` to be one of ${names.join(", ")}, got ${JSON.stringify(pool)}`;
      return [{ place: placeOf([...path, "pool"]), message }];
    }
    if (tags !== undefined || runsUntagged === true) return [];
    const message = "Expected `gitlab.runner.tags` to name a tag, or `gitlab.runner.run_untagged` to be true";
    return [{ place: placeOf([...path, "pool"]), message }];
  });
}
