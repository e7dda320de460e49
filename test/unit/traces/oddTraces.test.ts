import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/domain/errors.ts";
import { readTrace } from "../../../src/traces/read.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "mayfly-odd-"));
});
afterAll(async () => rm(dir, { recursive: true, force: true }));

const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();

/** One format: how a file of jobs at these seconds looks, each running for 60 s where the format says it. */
interface Format {
  readonly name: string;
  readonly file: (seconds: readonly number[]) => string;
  /** Lines of the file that are no jobs, and those of one job. */
  readonly headLines: number;
  readonly empty: string;
  /** One that lacks what it takes, and what is said of it. */
  readonly wrong: readonly [text: string, problem: string];
  /** Whether jobs lie anywhere within the minute that the file names. */
  readonly isByMinute?: boolean;
}

const FORMATS: readonly Format[] = [
  {
    name: "SWF",
    file: (seconds) => `; Version: 2\n${seconds.map((at, n) => `${n + 1} ${at} 3 60 1\n`).join("")}`,
    headLines: 1,
    empty: "; Version: 2\n; UnixStartTime: 0\n",
    wrong: [
      "; Version: 2\n1 5 0 60 1\n2 later 0 60 1\n",
      "3: Expected the submit time, the 2nd field, to be seconds ≥ 0",
    ],
  },
  {
    name: "GitLab's jobs as JSON",
    file: (seconds) =>
      `[\n${seconds.map((at) => `{"started_at":"${iso(at + 5)}","queued_duration":5,"duration":60}`).join(",\n")}]\n`,
    headLines: 1,
    empty: "[]\n",
    wrong: ['[{"id":1,\n"created_at":"x"}]', "1: Expected a job with started_at and queued_duration, or with ready_at"],
  },
  {
    name: "GitLab's jobs as CSV",
    file: (seconds) =>
      `id,started_at,queued_duration,duration\n${seconds.map((at, n) => `${n},${iso(at + 5)},5,60\n`).join("")}`,
    headLines: 1,
    empty: "id,started_at,queued_duration,duration\n",
    wrong: [
      "id,started_at,duration\n",
      "1: Expected a column ready_at (or arrival_unix_s), started_at with queued_duration",
    ],
  },
  {
    name: "CSV with a ready time",
    file: (seconds) => `ready_at,duration\n${seconds.map((at) => `${at},60\n`).join("")}`,
    headLines: 1,
    empty: "ready_at,duration\n",
    wrong: ["when,how_long\n1,2\n", "1: Expected a column ready_at (or arrival_unix_s)"],
  },
  {
    name: "counts by the minute",
    file: (seconds) => `minute_unix_s,builds_started\n${seconds.map((at) => `${at},1\n`).join("")}`,
    headLines: 1,
    empty: "minute_unix_s,builds_started\n",
    wrong: ["minute_unix_s,builds\n60,1\n", "1: Expected a column ready_at (or arrival_unix_s)"],
    isByMinute: true,
  },
];

async function readyAt(content: string): Promise<number[]> {
  const file = join(dir, "trace");
  await writeFile(file, content);
  const options = { defaultDurationMs: 60_000, onFraction: () => undefined };
  const { arrivals } = await readTrace(file, options, new AbortController().signal);
  expect(arrivals.durationMs.every((ms) => ms === 60_000)).toBe(true);
  return [...arrivals.readyAt].map((ms) => ms / 1000);
}

async function problemOf(content: string): Promise<string> {
  const error: unknown = await readyAt(content).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  const [problem] = (error as ConfigError).problems;
  return `${problem?.place.replace(`${dir}/trace`, "").replace(/^:/, "")}: ${problem?.message}`;
}

describe.each(FORMATS)("$name", ({ file, headLines, empty, wrong, isByMinute = false }) => {
  const minutes = (seconds: readonly number[]): number[] => seconds.map((at) => Math.floor(at / 60) * 60);
  const read = async (seconds: readonly number[]): Promise<number[]> => {
    const times = await readyAt(file(seconds));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    return isByMinute ? minutes(times) : times;
  };

  it("reads one job", async () => {
    expect(await read([600])).toEqual([600]);
  });

  it("sorts jobs that come in any order, and keeps those of one time apart", async () => {
    expect(await read([1200, 600, 1200, 60, 1200])).toEqual([60, 600, 1200, 1200, 1200]);
  });

  it("says of a file without jobs that there is none", async () => {
    expect(await problemOf(empty)).toMatch(/: Expected at least one job, got none$/);
  });

  it("names the line of a time before 1970", async () => {
    expect(await problemOf(file([600, 660, -60]))).toMatch(
      new RegExp(`^${headLines + 3}: Expected .*(an instant|≥ 0)`),
    );
  });

  it("names the line of a time that no clock will show", async () => {
    const text = file([600, 660]).replace(/660|1970-01-01T00:11:05.000Z/, "1700000000000000000");
    expect(await problemOf(text)).toMatch(new RegExp(`^${headLines + 2}: Expected .*(an instant|≥ 0)`));
  });

  it("says what is missing", async () => {
    const [text, problem] = wrong;
    expect(await problemOf(text)).toContain(problem);
  });
});

describe("durations", () => {
  it.each([
    ["1 5 0 long 1\n", "1: Expected the run time, the 4th field, to be seconds, or -1 where it is not known"],
    ['[{"ready_at":5,"duration":"long"}]', '1: Expected duration to be seconds ≥ 0, got "long"'],
    ['[{"ready_at":5,"duration":-7}]', '1: Expected duration to be seconds ≥ 0, got "-7"'],
    ["ready,duration\n5,long\n", '2: Expected duration to be seconds ≥ 0, got "long"'],
    [
      "id,started_at,queued_duration,duration\n1,1970-01-01T00:01:00Z,90,5\n",
      "2: Expected started_at less queued_duration to be an instant",
    ],
  ])("are refused where they are none: %j", async (text, problem) => {
    expect(await problemOf(text)).toContain(problem);
  });

  it.each(["1 5 0 -1 1\n", '[{"ready_at":5,"duration":null}]', "ready,duration\n5,-1\n", "ready,duration\n5,\n"])(
    "that are not known are the default: %j",
    async (text) => {
      expect(await readyAt(text)).toEqual([5]);
    },
  );
});
