import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/domain/errors.ts";
import { createObjectSplitter } from "../../../src/traces/json.ts";
import type { Trace } from "../../../src/traces/read.ts";
import { readTrace } from "../../../src/traces/read.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "mayfly-trace-"));
});
afterAll(async () => rm(dir, { recursive: true, force: true }));

async function read(content: string | Uint8Array, name = "trace.csv"): Promise<Trace> {
  const file = join(dir, name);
  await writeFile(file, content);
  return readTrace(file, { defaultDurationMs: 600_000, onFraction: () => undefined }, new AbortController().signal);
}
const problemOf = async (content: string): Promise<string> => {
  const error = await read(content).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  const [problem] = (error as ConfigError).problems;
  return `${problem?.place.replace(`${dir}/`, "")}: ${problem?.message}`;
};
const jobsOf = ({ arrivals }: Trace): number[][] =>
  [...arrivals.readyAt].map((at, n) => [at / 1000, (arrivals.durationMs[n] ?? 0) / 1000]);

describe("formats", () => {
  it.each([
    [
      "a ready time in seconds",
      "arrival_unix_s,duration_s,user\n100,5,a\n200,7,b\n",
      [
        [100, 5],
        [200, 7],
      ],
    ],
    [
      "dates, with and without a zone",
      "ready_at,duration_s\n1970-01-01T01:00:10+01:00,5\n1970-01-01 00:00:20 UTC,1\n1970-01-01T00:00:30,2\n",
      [
        [10, 5],
        [20, 1],
        [30, 2],
      ],
    ],
    [
      "GitLab's jobs: ready is started less queued",
      "id,started_at,queued_duration,duration\n1,1970-01-01T00:01:00Z,20.5,5\n2,,,\n",
      [[39.5, 5]],
    ],
    ["quoted cells and carriage returns", '"name","ready_at"\r\n"a, ""b""","50"\r\n', [[50, 600]]],
    [
      "jobs out of order, and several at one time",
      "ready,duration\n300,3\n100,1\n300,4\n",
      [
        [100, 1],
        [300, 3],
        [300, 4],
      ],
    ],
    ["one job without a line end", "ready\n7", [[7, 600]]],
    [
      "SWF, from its start time",
      "; UnixStartTime: 1000\n; a comment\n1 5 -1 60 4\n2 9 -1 -1 4\n",
      [
        [1005, 60],
        [1009, 600],
      ],
    ],
    [
      "GitLab's API, page after page",
      '[{"started_at":"1970-01-01T00:01:00Z","queued_duration":10,"duration":3,"name":"a}{\\""}][\n{"started_at":null}]',
      [[50, 3]],
    ],
    [
      "a JSON object a line",
      '{"ready_at":"1970-01-01T00:00:05Z"}\n{"ready_at":8,"duration":2}\n',
      [
        [5, 600],
        [8, 2],
      ],
    ],
  ])("reads %s", async (_title, content, expected) => {
    expect(jobsOf(await read(content))).toEqual(expected);
  });

  it("spreads the jobs of a minute within it, the same way each time, and keeps what runs at any time", async () => {
    const content = "minute_unix_s,builds_started,builds_ended\n60,3,0\n120,0,1\n180,1,3\n";

    const trace = await read(content);

    expect(trace.arrivals.readyAt).toHaveLength(4);
    expect(trace.arrivals.readyAt.every((at) => at >= 60_000 && at < 240_000)).toBe(true);
    expect(trace.arrivals.durationMs.every((ms) => ms > 0)).toBe(true);
    expect(await read(content)).toEqual(trace);
  });

  it("unzips what is gzipped", async () => {
    expect(jobsOf(await read(gzipSync("ready\n1\n"), "trace.csv.gz"))).toEqual([[1, 600]]);
  });

  it("finds the same objects however the text is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.dictionary(fc.string(), fc.jsonValue())), fc.nat(9), (objects, step) => {
        const text = JSON.stringify(objects, undefined, 1);
        const splitter = createObjectSplitter();

        const found = Array.from({ length: Math.ceil(text.length / (step + 1)) }, (_, n) =>
          splitter.push(text.slice(n * (step + 1), (n + 1) * (step + 1))),
        ).flat();

        expect(found.map((object) => JSON.parse(object.text) as unknown)).toEqual(JSON.parse(text));
      }),
    );
  });
});

describe("problems", () => {
  it.each([
    ["a negative time", "ready\n5\n-5\n", 'trace.csv:3: Expected ready to be an instant, got "-5"'],
    ["a word for a time", "ready,duration\nsoon,1\n", 'trace.csv:2: Expected ready to be an instant, got "soon"'],
    ["a negative duration", "ready,duration\n5,-7\n", 'trace.csv:2: Expected duration to be seconds ≥ 0, got "-7"'],
    ["a line cut short", "id,ready\n1\n", 'trace.csv:2: Expected ready to be an instant, got ""'],
    [
      "a count that is none",
      "minute_unix_s,builds_started\n60,x\n",
      'trace.csv:2: Expected builds_started to be a count, got "x"',
    ],
    [
      "a negative submit time",
      "1 -5 0 3\n",
      'trace.csv:1: Expected the submit time, the 2nd field, to be seconds ≥ 0, got "1 -5 0 3"',
    ],
    ["an empty file", "", "trace.csv: Expected at least one job, got none"],
    ["a header alone", "ready\n", "trace.csv: Expected at least one job, got none"],
    [
      "a job that does not end",
      '[{"ready_at":1},\n{"ready_at":',
      "trace.csv:2: Expected the job that begins here to end",
    ],
  ])("names the line of %s", async (_title, content, expected) => {
    expect(await problemOf(content)).toBe(expected);
  });

  it("says which columns a table must have, and why created_at is no arrival", async () => {
    expect(await problemOf("id,created_at\n1,2\n")).toMatch(
      /^trace\.csv:1: Expected a column ready_at .*long after its created_at/,
    );
  });

  it("names the place of a line that never ends", async () => {
    expect(await problemOf(`ready\n${"1".repeat(3_000_000)}`)).toMatch(/^trace\.csv:2: Expected a line of at most/);
  });
});
