/** What a table shows in a cell; undefined and "" show as `-`. */
export type Cell = string | number | undefined;

/** Between two columns. */
const GAP = 2;
/** Text whose every character takes one place on a terminal. */
const PLAIN = /^[\x20-\x7e]*$/;

/**
 * Renders rows under a heading, without borders, each column as wide as its widest cell. A cell of several lines makes its row as high. Commands are
 * short-lived and most tables plain: this takes a tenth of the time of one such command less than a package that knows borders and spans.
 */
export async function tableFrom(head: readonly string[], rows: readonly (readonly Cell[])[]): Promise<string> {
  const table = [head, ...rows].map((row) => row.map(linesFrom));
  const widthOf = await widthsFor(table.flat(2));
  const widths = head.map((_, column) => Math.max(...table.flatMap((row) => row[column] ?? []).map(widthOf)));
  return table.flatMap((row) => rowLines(row, widths, widthOf)).join("\n");
}

function rowLines(
  row: readonly (readonly string[])[],
  widths: readonly number[],
  widthOf: (text: string) => number,
): readonly string[] {
  const height = Math.max(...row.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    widths
      .map((width, column) => {
        const text = row[column]?.[line] ?? "";
        return text + " ".repeat(width + GAP - widthOf(text));
      })
      .join("")
      .trimEnd(),
  );
}

const linesFrom = (cell: Cell): readonly string[] =>
  (cell === undefined || cell === "" ? "-" : String(cell)).split("\n");

/** Answers how to measure these texts in places of a terminal. */
async function widthsFor(texts: readonly string[]): Promise<(text: string) => number> {
  if (texts.every((text) => PLAIN.test(text))) return (text) => text.length;
  return (await import("string-width")).default;
}
