import { execFile } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";

const CHILD = fileURLToPath(new URL("../../support/traceInChild.ts", import.meta.url));
const run = promisify(execFile);
const ROWS = 4_000;
const PAD = "x".repeat(64 * 1024);
const BYTES = ROWS * PAD.length;

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "mayfly-bounded-"));
});
afterAll(async () => rm(dir, { recursive: true, force: true }));

/** The first and last lines of a format, and one row with far more in it than is needed. */
const FORMATS = {
  csv: ["ready_at,duration,note\n", (at: number) => `${at},60,${PAD}\n`, ""],
  json: ["[\n", (at: number) => `${at === 1 ? "" : ","}{"ready_at":${at},"duration":60,"note":"${PAD}"}\n`, "]\n"],
} as const;

it.each(["csv", "json"] as const)("needs memory for the jobs alone, however long a pipe of %s is", async (format) => {
  const [head, row, foot] = FORMATS[format];
  const pipe = join(dir, format);
  await run("mkfifo", [pipe]);
  const written = pipeline(
    Readable.from(
      (function* () {
        yield head;
        for (let at = 1; at <= ROWS; at += 1) yield row(at);
        yield foot;
      })(),
    ),
    createWriteStream(pipe),
  );

  const { stdout } = await run(process.execPath, ["--max-old-space-size=64", CHILD, pipe]);

  await written;
  const { jobs, lastAt, peakBytes } = JSON.parse(stdout);
  expect([jobs, lastAt]).toEqual([ROWS, ROWS * 1000]);
  expect(peakBytes).toBeLessThan(BYTES * 0.75);
});
