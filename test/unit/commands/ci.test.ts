import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { serveManager } from "../../support/manager.ts";
import { createPipelineManager } from "../../support/pipelineManager.ts";
import type { Part, PipelineManager } from "../../support/pipelineManager.ts";

const CLI = fileURLToPath(new URL("../../../src/cli.ts", import.meta.url));
let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-ci-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function runCi(
  args: readonly string[],
  onStart: (child: ChildProcess) => void = () => undefined,
): Promise<Outcome> {
  const child = spawn(process.execPath, [CLI, "ci", ...args], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const exited = new Promise<number | null>((resolve) => child.on("close", resolve));
  onStart(child);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { exitCode: await exited, stdout, stderr };
}

const writePipeline = (content: string): Promise<void> => writeFile(join(folder, ".gitlab-ci.yml"), content);

const TWO_STAGES = "build:\n  stage: build\n  script: make\ntest:\n  script: make test\n";

/** Runs `mayfly ci` in the folder against a manager behind a real socket. */
async function runAgainst(
  parts: Readonly<Record<string, Part>>,
  args: readonly string[] = [],
): Promise<Outcome & { readonly manager: PipelineManager }> {
  const manager = createPipelineManager(parts, ["small", "large"]);
  await using served = await serveManager(manager);
  return { ...(await runCi(["--socket", served.socketPath, ...args])), manager };
}

it.each([
  ["a file that is not there", undefined, [], "mayfly: .gitlab-ci.yml: Expected a pipeline's file, but there is none"],
  ["no YAML", "a: [", [], "mayfly: .gitlab-ci.yml:1: Expected YAML:"],
  [
    "a job without script",
    "a:\n  stage: test\n",
    [],
    "mayfly: .gitlab-ci.yml:1: Expected job `a` to have a `script`, got none",
  ],
  [
    "an unknown stage",
    "a:\n  script: x\n  stage: y\n",
    [],
    "mayfly: .gitlab-ci.yml:3: Expected `a.stage` to be one of",
  ],
  [
    "needs on nothing",
    "a:\n  script: x\n  needs: [y]\n",
    [],
    "mayfly: .gitlab-ci.yml:3: Expected `a.needs` to name a job",
  ],
  ["only manual jobs", "a:\n  script: x\n  when: manual\n", [], "got none (a: manual): name one with --job"],
  ["variables in a cycle", "a:\n  script: x\n  variables: {A: $B, B: $A}\n", [], "got the cycle A → B → A"],
  [
    "an unknown job",
    "build: {script: x}\n",
    ["--job", "biuld"],
    'mayfly: --job: Expected the name of a job, got "biuld" (did you mean "build"?)',
  ],
  ["a variable without value", "a: {script: x}\n", ["--variable", "A"], "mayfly: --variable: Expected NAME=VALUE"],
  ["an unknown option", "a: {script: x}\n", ["--jobs", "a"], "mayfly: unknown option '--jobs'"],
  ["a second file", "a: {script: x}\n", ["x.yml", "y.yml"], "mayfly: too many arguments for 'ci'"],
])("ends with 2 on %s, and starts nothing", async (_, content, args, message) => {
  if (content !== undefined) await writePipeline(content);

  const { exitCode, stdout, stderr, manager } = await runAgainst({}, args);

  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr).toContain(message);
  expect([manager.archives, manager.submitted]).toEqual([[], []]);
});

it("names all problems at once", async () => {
  await writePipeline("a:\n  scripts: x\nb:\n  script: x\n  parallel: 0\n");

  const { stderr } = await runAgainst({});

  expect(stderr.match(/^mayfly: \.gitlab-ci\.yml:\d+:/gm)).toEqual([
    "mayfly: .gitlab-ci.yml:1:",
    "mayfly: .gitlab-ci.yml:2:",
    "mayfly: .gitlab-ci.yml:5:",
  ]);
});

it("prints every job's lines and a table, and ends with 0", async () => {
  await writePipeline(TWO_STAGES);

  const { exitCode, stdout, stderr, manager } = await runAgainst({ build: { log: "made\n" } });

  expect(exitCode).toBe(0);
  expect(stdout).toContain("[build] made\n");
  expect(stdout).toMatch(/^job +stage +machine +result +queued +leased +pulled +services +script +after +released$/m);
  expect(stdout).toMatch(/^build +build +machine-1 +success +0\.0s +0\.0s +- +- +3\.0s +- +0\.0s$/m);
  expect(stderr).toContain("mayfly: job test on machine-2: success\n");
  expect(manager.submitted.map(({ poolName, archiveId }) => [poolName, archiveId])).toEqual([
    ["small", "archive-1"],
    ["small", "archive-1"],
  ]);
});

it("gives every job the project's folder", async () => {
  await writePipeline("a: {script: x}\n");
  await writeFile(join(folder, "source.txt"), "the source");

  const { manager } = await runAgainst({});

  expect(manager.archives[0]?.includes("source.txt")).toBe(true);
  expect(manager.archives[0]?.includes("the source")).toBe(true);
});

it("prints one JSON object on stdout with --json, and all else on stderr", async () => {
  await writePipeline(`${TWO_STAGES}  artifacts: {}\n`);
  const failed = { result: "failed", exitCode: 4, message: "the script exited with 4" } as const;

  const { exitCode, stdout, stderr } = await runAgainst({ build: { log: "made\n", end: failed } }, ["--json"]);

  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toEqual({
    result: "failed",
    jobs: [
      {
        ...{ name: "build", stage: "build", machineId: "machine-1", poolName: "small", exitCode: 4, result: "failed" },
        allowFailure: false,
        phasesMs: { queued: 1, leased: 2, script: 3000, released: 4 },
        message: "the script exited with 4",
      },
      {
        ...{ name: "test", stage: "test", machineId: null, poolName: null, exitCode: null, result: "skipped" },
        allowFailure: false,
        phasesMs: {},
        message: "a job of an earlier stage failed",
      },
    ],
  });
  expect(stderr).toContain("[build] made\n");
  expect(stderr).toContain("mayfly: warning: .gitlab-ci.yml:6: `artifacts` is not honoured");
});

it("ends with 3 when a machine was lost", async () => {
  await writePipeline("a: {script: x}\n");

  const { exitCode } = await runAgainst({ a: { end: { result: "machine-lost", message: "its machine was lost" } } });

  expect(exitCode).toBe(3);
});

it("ends with 3 and git's words when the project cannot be read, and starts no job", async () => {
  await writePipeline("a: {script: x}\n");
  await writeFile(join(folder, ".git"), "gitdir: /nowhere\n");

  const { exitCode, stderr, manager } = await runAgainst({});

  expect(exitCode).toBe(3);
  expect(stderr).toMatch(/^mayfly: git could not read .*: fatal: .*nowhere/m);
  expect(manager.submitted).toEqual([]);
});

it("runs only the jobs named, in the pool and with the variables given", async () => {
  await writePipeline(`${TWO_STAGES}manual: {script: x, when: manual}\n`);

  const { exitCode, manager } = await runAgainst({}, [
    ...["--job", "test", "--job", "manual"],
    ...["--pool", "large"],
    ...["--variable", "A=b=$c", "--variable", "EMPTY="],
  ]);

  expect(exitCode).toBe(0);
  expect(manager.submitted.map(({ name, poolName }) => [name, poolName])).toEqual([
    ["test", "large"],
    ["manual", "large"],
  ]);
  expect(manager.submitted[0]?.variables).toMatchObject({ A: "b=$c", EMPTY: "" });
});

it("cancels its jobs on SIGINT, waits for them and ends with 130", async () => {
  await writePipeline("a: {script: x}\n");
  const manager = createPipelineManager({ a: { log: "begun\n", runsUntil: "soft" } });
  await using served = await serveManager(manager);

  const { exitCode, stdout } = await runCi(["--socket", served.socketPath], (child) => {
    child.stdout?.once("data", () => child.kill("SIGINT"));
  });

  expect(exitCode).toBe(130);
  expect(manager.cancelled).toEqual(["a"]);
  expect(stdout).toMatch(/^a +test +machine-1 +cancelled/m);
});

it("ends its jobs by force on a second SIGINT", async () => {
  await writePipeline("a: {script: x}\n");
  let child: ChildProcess | undefined;
  const stubborn = createPipelineManager({ a: { log: "begun\n", runsUntil: "forced" } });
  const cancelJob: PipelineManager["cancelJob"] = async (id, force) => {
    if (!force) child?.kill("SIGINT");
    return stubborn.cancelJob(id, force);
  };
  await using served = await serveManager({ ...stubborn, cancelJob });

  const { exitCode } = await runCi(["--socket", served.socketPath], (started) => {
    child = started;
    started.stdout?.once("data", () => started.kill("SIGINT"));
  });

  expect(exitCode).toBe(130);
  expect(stubborn.cancelled).toEqual(["a", "a by force"]);
});
