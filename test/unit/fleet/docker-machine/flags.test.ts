import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseFlags } from "../../../../src/fleet/docker-machine/flags.ts";
import type { FlagSpec, Parsed } from "../../../../src/fleet/docker-machine/flags.ts";

const SPEC: FlagSpec = {
  on: "boolean",
  o: { means: "on" },
  one: "value",
  "two-words": "value",
  many: "list",
};
const seen = ({ words, flag, value, values }: Parsed) => ({
  ...{ words, on: flag("on"), one: value("one"), two: value("two-words"), many: values("many") },
});

const word = fc.string({ minLength: 1 }).filter((text) => !text.startsWith("-"));
const dash = fc.constantFrom("-", "--");

describe("parseFlags", () => {
  it("answers what was put in, in whatever form and order it stood", () => {
    const boolean = dash.map((dashes) => ({ args: [`${dashes}on`], on: true }));
    const short = fc.constant({ args: ["-o"], on: true });
    const given = (name: "one" | "two-words" | "many") =>
      fc.record({ dash, text: fc.string(), isApart: fc.boolean() }).map(({ dash: dashes, text, isApart }) => ({
        args: isApart ? [`${dashes}${name}`, text] : [`${dashes}${name}=${text}`],
        [name]: text,
      }));
    const plain = word.map((text) => ({ args: [text], word: text }));
    type Part = { args: string[]; on?: boolean; one?: string; "two-words"?: string; many?: string; word?: string };
    const part = fc.oneof(boolean, short, given("one"), given("two-words"), given("many"), plain) as fc.Arbitrary<Part>;

    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const parsed = parseFlags(
          parts.flatMap(({ args }) => args),
          SPEC,
        );

        const all = <K extends keyof Part>(key: K) => parts.map((one) => one[key]).filter((one) => one !== undefined);
        expect(seen(parsed)).toEqual({
          words: all("word"),
          on: all("on").length > 0,
          one: all("one").at(-1),
          two: all("two-words").at(-1),
          many: all("many"),
        });
      }),
    );
  });

  it("leaves all behind `--`, and behind the first word where that is asked for, as it stands", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), word, (rest, first) => {
        expect(parseFlags(["--on", "--", ...rest], SPEC).words).toEqual(rest);
        expect(parseFlags(["--on", first, ...rest], SPEC, { stopsAtWord: true }).words).toEqual([first, ...rest]);
      }),
    );
  });

  it("never takes what it does not know, unless it is told to, and then by `=` alone", () => {
    expect(() => parseFlags(["--tow-words", "x"], SPEC)).toThrow("flag provided but not defined: -tow-words");
    expect(() => parseFlags(["--toString"], SPEC)).toThrow("not defined");
    expect(() => parseFlags(["--one"], SPEC)).toThrow("flag needs an argument: -one");
    expect(() => parseFlags(["--on=maybe"], SPEC)).toThrow('invalid boolean value "maybe" for -on');

    const parsed = parseFlags(["--new=a", "--flag", "NAME"], SPEC, { takes: () => true });

    expect([parsed.words, parsed.value("new"), parsed.flag("flag"), parsed.given]).toEqual([
      ["NAME"],
      "a",
      true,
      ["new", "flag"],
    ]);
  });

  it("reads booleans as Go does, the last one counting", () => {
    expect(parseFlags(["--on", "--on=F"], SPEC).flag("on")).toBe(false);
    expect(parseFlags(["--on=0", "-o=T"], SPEC).flag("on")).toBe(true);
    expect(parseFlags(["--one="], SPEC).value("one")).toBe("");
  });
});
