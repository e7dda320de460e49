/** A request of the Query protocol as nested data: `Tag.1.Key=a` is `{ Tag: { 1: { Key: "a" } } }`. */
export interface Fields {
  readonly [name: string]: string | Fields | undefined;
}

/** Reads a form body. */
export function fieldsFrom(body: string): Fields {
  const root: Record<string, unknown> = {};
  for (const [path, value] of new URLSearchParams(body)) {
    const names = path.split(".");
    const last = names.pop() ?? "";
    let at = root;
    for (const name of names) {
      at[name] ??= {};
      at = at[name] as Record<string, unknown>;
    }
    at[last] = value;
  }
  return root as Fields;
}

/** A text field; undefined when it is not there. */
export function textOf(fields: Fields | undefined, name: string): string | undefined {
  const value = fields?.[name];
  return typeof value === "string" ? value : undefined;
}

/** A structure; undefined when it is not there. */
export function tableOf(fields: Fields | undefined, name: string): Fields | undefined {
  const value = fields?.[name];
  return typeof value === "object" ? value : undefined;
}

/** The items of a list of structures, in order. */
export const tablesOf = (fields: Fields | undefined, name: string): Fields[] =>
  numbered(tableOf(fields, name)).filter((item): item is Fields => typeof item === "object");

/** The items of a list of texts, in order. */
export const textsOf = (fields: Fields | undefined, name: string): string[] =>
  numbered(tableOf(fields, name)).filter((item): item is string => typeof item === "string");

const numbered = (fields: Fields | undefined): unknown[] =>
  Object.keys(fields ?? {})
    .sort((a, b) => Number(a) - Number(b))
    .map((key) => fields?.[key]);
