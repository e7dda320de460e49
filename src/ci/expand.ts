import type { Variables } from "./model.ts";

/** `$$`, `${NAME}` or `$NAME`; any other dollar stays as it is. */
const REFERENCE = /\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))/g;

/** Fills in variables as GitLab does: unknown ones are empty, `$$` is a dollar. */
export function expandText(text: string, lookUp: (name: string) => string): string {
  return text.replaceAll(REFERENCE, (whole, braced: string | undefined, bare: string | undefined) => {
    const name = braced ?? bare;
    return name === undefined ? whole.slice(1) : lookUp(name);
  });
}

/** Variables with their values, and those that could not be had because they lead to themselves. */
export interface ExpandedVariables {
  readonly values: Readonly<Record<string, string>>;
  /** Each as the names along it, e.g. `A → B → A`. */
  readonly cycles: readonly string[];
}

/** Expands variables in each other and in `known`, in any order. A variable is not seen within itself. */
export function expandVariables(variables: Variables, known: Readonly<Record<string, string>>): ExpandedVariables {
  const values = new Map<string, string>();
  const cycles: string[] = [];

  function lookUp(name: string, trail: readonly string[]): string {
    const done = values.get(name);
    if (done !== undefined) return done;
    const variable = Object.hasOwn(variables, name) ? variables[name] : undefined;
    const below = Object.hasOwn(known, name) ? (known[name] ?? "") : "";
    if (variable === undefined || trail.at(-1) === name) return below;
    if (trail.includes(name)) {
      cycles.push([...trail.slice(trail.indexOf(name)), name].join(" → "));
      return "";
    }
    const { text, isRaw } = variable;
    const value = isRaw ? text : expandText(text, (other) => lookUp(other, [...trail, name]));
    values.set(name, value);
    return value;
  }

  const entries = Object.keys(variables).map((name) => [name, lookUp(name, [])] as const);
  return { values: Object.fromEntries(entries), cycles };
}
