import { readFile } from "node:fs/promises";

/** Answers the one code block of the README in a language that holds some text, as it stands there. */
export async function readmeBlock(language: string, holding: string): Promise<string> {
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const blocks = [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, found, code = ""]) => found === language && code.includes(holding))
    .map(([, , code = ""]) => code);
  if (blocks.length !== 1) throw new Error(`the README has ${blocks.length} ${language} blocks with "${holding}"`);
  return blocks[0] ?? "";
}
