import { stripVTControlCharacters } from "node:util";
import { exampleFile } from "./exampleJob.ts";

/** What an example pipeline says, whichever way it is run: the lines of its own scripts. */
export interface RecordedOutput {
  /** Both streams, in the order that a way which keeps it must show. */
  readonly merged: readonly string[];
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

/** What differs from run to run, and what stands for it in the record. Everything else is the same, to the letter. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  // Engines make up the ids of containers and networks.
  [/\b[0-9a-f]{12}\b/g, "<id>"],
  [/\b(Less than a second|About a minute|\d+ (seconds?|minutes)) ago\b/g, "<time> ago"],
  [/\bUp (Less than a second|About a minute|\d+ (seconds?|minutes))/g, "Up <time>"],
  // A service has the next free address of a network that is the runner's or the engine's.
  [/\(\d+\.\d+\.\d+\.\d+:(\d+)\)/g, "(<address>:$1)"],
  // Of the packages that a stand-in was made of.
  [/\bsha256:[0-9a-f]{64}\b/g, "<digest>"],
  // A table's columns are as wide as what is in them, an id's or a time's too.
  [/ {3,}/g, "   "],
];
/** What tells of progress: how often it is drawn is a matter of time. wget's bar, and the layers of an image that is pulled. */
const PROGRESS = [/^-? *\d+% \|/, /^[0-9a-f]{12}: /, /^<id>: /];

/** Answers what was said as the record has it: lines without colours, and without what cannot be the same twice. */
export function linesFrom(said: string): string[] {
  const lines = stripVTControlCharacters(said)
    .split("\n")
    .map((line) => line.replace(/\r+$/, "").split("\r").at(-1)?.trimEnd() ?? "");
  if (lines.at(-1) === "") lines.pop();
  return lines
    .filter((line) => !PROGRESS.some((pattern) => pattern.test(line)))
    .map((line) => VARYING.reduce((text, [pattern, name]) => text.replaceAll(pattern, name), line));
}

/** Reads the record of an example: each line after `1 ` or `2 `, the stream that it is said on. */
export async function recordedOutput(name: "services" | "compose"): Promise<RecordedOutput> {
  const lines = (await exampleFile(`${name}.output.txt`)).trimEnd().split("\n");
  const on = (stream: string): string[] => lines.filter((line) => line.startsWith(stream)).map(withoutStream);
  return { merged: lines.map(withoutStream), stdout: on("1 "), stderr: on("2 ") };
}

const withoutStream = (line: string): string => line.slice(2);
