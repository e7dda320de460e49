import type { Tags } from "./cloud.ts";
import type { Fields } from "./form.ts";
import { textOf, textsOf } from "./form.ts";
import type { Xml } from "./xml.ts";

/** Tells whether a resource passes a filter on tags; undefined for other filters. */
export function passesTags(tags: Tags, filter: Fields): boolean | undefined {
  const name = textOf(filter, "Name") ?? "";
  const values = textsOf(filter, "Value");
  if (name === "tag-key") return values.some((key) => key in tags);
  const [, tag] = /^tag:(.+)$/.exec(name) ?? [];
  return tag === undefined ? undefined : values.includes(tags[tag] ?? "");
}

/** Tags as answers show them. */
export const tagSetFrom = (tags: Tags): Xml => Object.entries(tags).map(([key, value]) => ({ key, value }));
