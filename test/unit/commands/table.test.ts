import Table from "cli-table3";
import fc from "fast-check";
import { expect, it } from "vitest";
import { tableFrom } from "../../../src/commands/table.ts";
import type { Cell } from "../../../src/commands/table.ts";

it("lines columns up under their heads, shows nothing as -, and ends no line in spaces", async () => {
  const text = await tableFrom(
    ["pool", "max", "why"],
    [
      ["small", 20, undefined],
      ["a-large-one", 0, "first\nsecond"],
      ["", 7, "last"],
    ],
  );

  expect(text.split("\n")).toEqual([
    "pool         max  why",
    "small        20   -",
    "a-large-one  0    first",
    "                  second",
    "-            7    last",
  ]);
});

it("is its heads alone without rows", async () => {
  expect(await tableFrom(["pool", "max"], [])).toBe("pool  max");
});

it("counts places, not characters", async () => {
  const rows = [["日本", 1] as const, ["\u001b[1mé\u001b[0m", 2] as const];

  expect((await tableFrom(["a", "b"], rows)).split("\n")).toEqual(["a     b", "日本  1", "\u001b[1mé\u001b[0m     2"]);
});

/** The same by a package that knows tables of all kinds. */
function byPackage(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const none = ["top", "bottom", "left", "right"].flatMap((side) => [
    side,
    `${side}-mid`,
    `${side}-left`,
    `${side}-right`,
  ]);
  const chars = Object.fromEntries([...none, "mid", "mid-mid", "middle"].map((name) => [name, ""]));
  const style = { "padding-left": 0, "padding-right": 2, head: [], border: [] };
  const table = new Table({ chars, style, head: [...head] });
  table.push(...rows.map((row) => row.map((cell) => (cell === undefined || cell === "" ? "-" : String(cell)))));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

it("is what cli-table3 makes of it, whatever is in it", async () => {
  const text = fc.string({ unit: fc.constantFrom(..."aB9 -ä日é\n"), maxLength: 8 });
  const cell = fc.oneof(text, fc.integer(), fc.constant(undefined));
  const tables = fc.integer({ min: 1, max: 4 }).chain((width) =>
    fc.tuple(
      fc.array(fc.string({ unit: fc.constantFrom(..."abé"), minLength: 1, maxLength: 6 }), {
        minLength: width,
        maxLength: width,
      }),
      fc.array(fc.array(cell, { minLength: width, maxLength: width }), { maxLength: 4 }),
    ),
  );

  await fc.assert(
    fc.asyncProperty(tables, async ([head, rows]) => {
      expect(await tableFrom(head, rows)).toBe(byPackage(head, rows));
    }),
    { numRuns: 300 },
  );
});
