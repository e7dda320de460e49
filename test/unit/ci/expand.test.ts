// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a pipeline's variables are written so.
import fc from "fast-check";
import { expect, it } from "vitest";
import { expandText, expandVariables } from "../../../src/ci/expand.ts";

const texts = (variables: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(variables).map(([name, text]) => [name, { text, isRaw: false }]));

it.each([
  ["$A", "a"],
  ["${A}", "a"],
  ["x$A-${A}y", "xa-ay"],
  ["$AB", ""],
  ["${A}B", "aB"],
  ["$$A", "$A"],
  ["$(date) $1 $", "$(date) $1 $"],
  ["${A:-b}", "${A:-b}"],
])("expands %s as %j", (text, expected) => {
  expect(expandText(text, (name) => (name === "A" ? "a" : ""))).toBe(expected);
});

it("leaves text without a dollar as it is", () => {
  fc.assert(
    fc.property(
      fc.string().filter((text) => !text.includes("$")),
      (text) => {
        expect(expandText(text, () => "x")).toBe(text);
      },
    ),
  );
});

it("expands variables in each other, in any order, and in what is known", () => {
  const { values, cycles } = expandVariables(texts({ URL: "$HOST:$PORT", HOST: "${NAME}.test", PORT: "80" }), {
    NAME: "web",
  });

  expect(values).toEqual({ URL: "web.test:80", HOST: "web.test", PORT: "80" });
  expect(cycles).toEqual([]);
});

it("leaves a raw variable alone, also where another takes it in", () => {
  const variables = { ...texts({ B: "<$A>" }), A: { text: "$X", isRaw: true } };

  expect(expandVariables(variables, { X: "x" }).values).toEqual({ A: "$X", B: "<$X>" });
});

it("names variables that lead to themselves, and takes a variable within itself as what was known before", () => {
  expect(expandVariables(texts({ A: "$B", B: "$A" }), {}).cycles).toContain("A → B → A");
  expect(expandVariables(texts({ FLAGS: "$FLAGS -x" }), { FLAGS: "-v" })).toEqual({
    values: { FLAGS: "-v -x" },
    cycles: [],
  });
});
