import type { Problem } from "../domain/errors.ts";
import { placeFrom } from "./listen.ts";
import { isUnreachableLoopback } from "./mirror.ts";
import { valueAt } from "./problems.ts";
import type { PlaceOf } from "./problems.ts";

/** A mirror that no machine reaches is a mistake, and so is one that shares its place with something else of ours. */
export function checkMirror(filled: unknown, placeOf: PlaceOf): Problem[] {
  const listen = valueAt(filled, ["mirror", "listen"]);
  if (typeof listen !== "string") return [];
  const place = placeOf(["mirror", "listen"]);
  const { host } = placeFrom(listen);
  const unreachable = isUnreachableLoopback(host)
    ? [
        {
          place,
          message: `Expected \`mirror.listen\` to be on 127.0.0.1, which guests of this host reach as 10.0.2.2, or on an address of the network, got ${JSON.stringify(listen)}`,
        },
      ]
    : [];
  const taken = (["api", "metrics"] as const)
    .filter((table) => valueAt(filled, [table, "listen"]) === listen)
    .map((table) => ({
      place,
      message: `Expected \`mirror.listen\` to be another address than \`${table}.listen\`, got ${JSON.stringify(listen)} for both`,
    }));
  return [...unreachable, ...taken];
}
