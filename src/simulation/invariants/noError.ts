import type { Check } from "../world/happening.ts";

/** Nothing that is meant to be healed by itself is logged as a matter for a person. */
export function createNoErrorCheck(): Check {
  return (happening) => (happening.what === "error-logged" ? `an error was logged: ${happening.text}` : undefined);
}
