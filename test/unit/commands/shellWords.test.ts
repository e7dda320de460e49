import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, it } from "vitest";
import { quoteWords } from "../../../src/commands/shellWords.ts";

it("gives a shell exactly the words that it was given", () => {
  const word = fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", ""));
  const lists = fc.sample(fc.array(word, { maxLength: 8 }), { numRuns: 300, seed: 1 });
  lists.push(["a=b", "c=d"], ["$HOME", "`id`", "$(id)", "a'b", '"', "\\", "\n", "", "~", "*", "!x", "{a,b}", "é"]);

  const script = lists.map((words) => `printf '%s\\0' x ${quoteWords(words)}; printf '\\0'`).join("\n");
  const output = execFileSync("bash", { input: script, maxBuffer: 2 ** 24 }).toString();

  expect(output).toBe(lists.map((words) => `${["x", ...words].join("\0")}\0\0`).join(""));
});

it("leaves plain words as they are, for the log", () => {
  expect(quoteWords(["npm", "test", "--", "src/a.test.ts", "a b"])).toBe("npm test -- src/a.test.ts 'a b'");
});

it("takes a first word with an equals sign for a command, not for an assignment", () => {
  expect(quoteWords(["A=b", "C=d"])).toBe("'A=b' C=d");
});
