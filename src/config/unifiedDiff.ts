const CONTEXT = 3;

interface Edit {
  readonly mark: " " | "-" | "+";
  readonly line: string;
}

/** Writes what changed from one text to another as `diff -u` does; empty when nothing did. For texts of some thousand lines at most. */
export function unifiedDiff(before: string, after: string, fileName: string): string {
  const edits = editsFrom(linesOf(before), linesOf(after));
  const changed = edits.flatMap(({ mark }, at) => (mark === " " ? [] : [at]));
  if (changed.length === 0) return "";
  const hunks: [from: number, to: number][] = [];
  for (const at of changed) {
    const last = hunks.at(-1);
    const [from, to] = [Math.max(0, at - CONTEXT), Math.min(edits.length, at + CONTEXT + 1)];
    if (last !== undefined && from <= last[1]) last[1] = to;
    else hunks.push([from, to]);
  }
  return [`--- ${fileName}`, `+++ ${fileName}`, ...hunks.flatMap(([from, to]) => hunkFrom(edits, from, to)), ""].join(
    "\n",
  );
}

function hunkFrom(edits: readonly Edit[], from: number, to: number): string[] {
  const count = (part: readonly Edit[], mark: "-" | "+"): number =>
    part.filter((edit) => edit.mark === " " || edit.mark === mark).length;
  const [ahead, hunk] = [edits.slice(0, from), edits.slice(from, to)];
  const range = (mark: "-" | "+"): string => {
    const lines = count(hunk, mark);
    // Of no lines, the one before is named.
    return `${mark}${count(ahead, mark) + (lines === 0 ? 0 : 1)},${lines}`;
  };
  return [`@@ ${range("-")} ${range("+")} @@`, ...hunk.map(({ mark, line }) => `${mark}${line}`)];
}

/** The lines of a text; a last one without an end says so, as in the diffs of others. */
function linesOf(text: string): string[] {
  const lines = text.split("\n");
  const last = lines.pop();
  return last === "" || last === undefined ? lines : [...lines, `${last}\n\\ No newline at end of file`];
}

/** The shortest way from one list of lines to another, by their longest common part. */
function editsFrom(before: readonly string[], after: readonly string[]): Edit[] {
  const width = after.length + 1;
  const common = new Uint32Array((before.length + 1) * width);
  const at = (b: number, a: number): number => common[b * width + a] ?? 0;
  for (let b = before.length - 1; b >= 0; b--)
    for (let a = after.length - 1; a >= 0; a--)
      common[b * width + a] = before[b] === after[a] ? at(b + 1, a + 1) + 1 : Math.max(at(b + 1, a), at(b, a + 1));
  const edits: Edit[] = [];
  let [b, a] = [0, 0];
  while (b < before.length || a < after.length) {
    if (b < before.length && before[b] === after[a]) {
      edits.push({ mark: " ", line: before[b++] ?? "" });
      a += 1;
    } else if (b < before.length && (a >= after.length || at(b + 1, a) >= at(b, a + 1)))
      edits.push({ mark: "-", line: before[b++] ?? "" });
    else edits.push({ mark: "+", line: after[a++] ?? "" });
  }
  return edits;
}
