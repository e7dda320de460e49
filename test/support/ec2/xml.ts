/** What an answer is rendered from: an array is a list of `<item>`, undefined is left out. */
export type Xml = string | number | boolean | undefined | readonly Xml[] | { readonly [name: string]: Xml };

/** Renders one answer of the Query protocol. */
export function renderXml(name: string, value: Xml): string {
  if (value === undefined) return "";
  if (Array.isArray(value)) return `<${name}>${value.map((item) => renderXml("item", item)).join("")}</${name}>`;
  if (typeof value !== "object") return `<${name}>${escaped(String(value))}</${name}>`;
  const inner = Object.entries(value as { readonly [name: string]: Xml }).map(([key, part]) => renderXml(key, part));
  return `<${name}>${inner.join("")}</${name}>`;
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
const escaped = (text: string): string => text.replace(/[&<>]/g, (character) => ESCAPES[character] ?? character);
