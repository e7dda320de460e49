import { escaped } from "./svg.ts";

/** What stands on the page. */
export interface PageParts {
  /** What was replayed, a sentence a line. */
  readonly head: readonly string[];
  readonly table: { readonly head: readonly string[]; readonly cells: readonly (readonly string[])[] };
  /** Whole SVG documents. */
  readonly pictures: readonly string[];
  readonly notes: readonly string[];
}

const CSS = `:root{color-scheme:light dark}body{font:15px/1.5 system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;background:#fff;color:#222}
table{border-collapse:collapse;font-size:14px}div{overflow-x:auto}th,td{padding:.3rem .7rem;text-align:right;border-bottom:1px solid #ddd;white-space:nowrap}th:first-child,td:first-child{text-align:left}
svg{max-width:100%;height:auto;margin:1.5rem 0}@media(prefers-color-scheme:dark){body{background:#15171a;color:#e8e8e8}th,td{border-color:#3a3f46}}`;

/** Makes one HTML page that needs nothing beside itself. */
export function pageFrom({ head, table, pictures, notes }: PageParts): string {
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>`;
  const paragraph = (text: string): string => `<p>${escaped(text)}</p>`;
  return [
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1"><title>mayfly plan</title>',
    `<style>${CSS}</style></head><body><h1>mayfly plan</h1>`,
    ...head.map(paragraph),
    `<div><table><thead>${row(table.head, "th")}</thead><tbody>`,
    ...table.cells.map((cells) => row(cells, "td")),
    "</tbody></table></div>",
    ...notes.map(paragraph),
    ...pictures,
    "</body></html>\n",
  ].join("\n");
}
