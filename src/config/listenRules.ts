import type { Problem } from "../domain/errors.ts";
import { listenFields } from "./listen.ts";
import { valueAt } from "./problems.ts";
import type { PlaceOf } from "./problems.ts";

const KEYS = Object.keys(listenFields);

/** All of them, or none: never TCP without TLS and a token. */
export function checkListen(filled: unknown, placeOf: PlaceOf): Problem[] {
  const api = valueAt(filled, ["api"]);
  const given = KEYS.filter((key) => valueAt(api, [key]) !== undefined);
  const missing = KEYS.filter((key) => !given.includes(key)).map((key) => `\`api.${key}\``);
  const [first] = given;
  if (first === undefined || missing.length === 0) return [];
  const message = `Expected ${missing.join(", ")} beside \`api.${first}\`: over TCP the API is served with TLS and a token only`;
  return [{ place: placeOf(["api", first]), message }];
}
