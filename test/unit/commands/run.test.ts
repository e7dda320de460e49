import { execFile } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NotFoundError } from "../../../src/domain/errors.ts";
import { leaseIdFrom, machineIdFrom } from "../../../src/domain/ids.ts";
import type { JobEnd } from "../../../src/domain/job.ts";
import type { Manager } from "../../../src/ports/manager.ts";
import { CLI, runCli } from "../../support/cli.ts";
import type { CliOptions, Outcome } from "../../support/cli.ts";
import { serveManager } from "../../support/manager.ts";
import { createPipelineManager } from "../../support/pipelineManager.ts";
import type { Part, PipelineManager } from "../../support/pipelineManager.ts";
import { endedJob, waitingLease } from "../../support/records.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-run-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** A manager whose one job goes as its part says; `pool` knows the pools' names. */
function createManager(part: Part, changes: Partial<Manager> = {}): PipelineManager {
  const manager = createPipelineManager({ run: part }, ["small", "large"]);
  return {
    ...manager,
    async pool(name) {
      const found = (await manager.pools()).find(({ desired }) => desired.name === name);
      if (found === undefined) throw new NotFoundError("unknown-pool", `there is no pool ${name}`);
      return found;
    },
    ...changes,
  };
}

/** Runs `mayfly run` in the folder against a manager behind a real socket. */
async function runAgainst(
  part: Part,
  args: readonly string[],
  { changes = {}, ...options }: CliOptions & { readonly changes?: Partial<Manager> } = {},
): Promise<Outcome & { readonly manager: PipelineManager }> {
  const manager = createManager(part, changes);
  await using served = await serveManager(manager);
  const outcome = await runCli(["run", "--socket", served.socketPath, ...args], { cwd: folder, ...options });
  return { ...outcome, manager };
}

const failed = { result: "failed", exitCode: 4, message: "the script exited with 4" } as const;

describe("wrong usage of run", () => {
  it.each<[string, readonly string[], string]>([
    ["no command", [], "run: Expected a command after `--`, or --script FILE, got neither"],
    ["a command and a script", ["--script", "x", "--", "y"], "got both"],
    ["a script that is not there", ["--script", "x"], "--script: Expected a readable script at x, got ENOENT"],
    ["a timeout without unit", ["--timeout", "60", "--", "x"], '--timeout: Expected a duration like "20m"'],
    ["no time to wait", ["--wait", "0s", "--", "x"], "--wait: Expected a duration like"],
    ["a variable without value", ["--variable", "A", "--", "x"], "--variable: Expected NAME=VALUE"],
    ["a folder that is not there", ["--files", "nowhere", "--", "x"], '--files: Expected a folder, got "nowhere"'],
    ["an unknown pool", ["--pool", "smal", "--", "x"], "there is no pool smal"],
    ["an unknown option", ["--imag", "x", "--", "x"], "unknown option '--imag'"],
  ])("%s ends with 2, and starts nothing", async (_title, args, message) => {
    const { exitCode, stdout, stderr, manager } = await runAgainst({}, args);

    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toContain(`mayfly: ${message.startsWith("got") ? "run: " : message}`);
    expect(stderr).toContain(message);
    expect([manager.submitted, manager.archives]).toEqual([[], []]);
  });
});

describe("the script of run", () => {
  it("is refused for its NUL byte, and nothing starts", async () => {
    await writeFile(join(folder, "job.sh"), "echo \0");
    const { exitCode, stderr, manager } = await runAgainst({}, ["--script", "job.sh"]);

    expect(exitCode).toBe(2);
    expect(stderr).toBe("mayfly: script[0]: expected a command without NUL bytes, got one\n");
    expect(manager.submitted).toEqual([]);
  });

  it.each<[string, Buffer, object]>([
    [
      "as text, its byte order mark kept, when it is text",
      Buffer.from("\ufeffecho ü\r\n"),
      { script: ["\ufeffecho ü\r\n"] },
    ],
    [
      "as base64 when it is not",
      Buffer.from("6563686f20fffe0a", "hex"),
      { script: ["ZWNobyD//go="], scriptEncoding: "base64" },
    ],
  ])("goes %s", async (_title, bytes, expected) => {
    await writeFile(join(folder, "job.sh"), bytes);
    const { manager } = await runAgainst({}, ["--script", "job.sh"]);

    expect(manager.submitted[0]).toMatchObject(expected);
  });
});

describe("a job", () => {
  it("prints its output as it is, on stdout, and ends with 0", async () => {
    const { exitCode, stdout, stderr } = await runAgainst({ log: "a\r\u001b[1mb" }, ["--", "true"]);

    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: "a\r\u001b[1mb", stderr: "" });
  });

  it("runs the words after -- as one command that has exactly these words", async () => {
    const { manager } = await runAgainst({}, ["--", "sh", "-c", 'echo "$1" | cat', "--json", "it's"]);

    expect(manager.submitted[0]?.script).toEqual([`sh -c 'echo "$1" | cat' --json 'it'\\''s'`]);
  });

  it("takes the words' own options without --, too", async () => {
    const { stdout, manager } = await runAgainst({ log: "x" }, ["ls", "--json"]);

    expect([stdout, manager.submitted[0]?.script]).toEqual(["x", ["ls --json"]]);
  });

  it("is submitted with all that the options say", async () => {
    await writeFile(join(folder, "job.sh"), "echo one\necho zwölf\n");
    const { manager } = await runAgainst({}, [
      ...["--pool", "large", "--image", "busybox", "--service", "nginx", "--service", "redis:7"],
      ...["--variable", "A=b=c", "--variable", "EMPTY=", "--timeout", "1h30m", "--wait", "10m", "--script", "job.sh"],
    ]);

    expect(manager.submitted).toEqual([
      {
        ...{ name: "run", poolName: "large", holder: "run", image: { name: "busybox" } },
        services: [
          { name: "nginx", aliases: [], variables: {} },
          { name: "redis:7", aliases: [], variables: {} },
        ],
        variables: { A: "b=c", EMPTY: "" },
        ...{ beforeScript: [], script: ["echo one\necho zwölf\n"], afterScript: [], echoCommands: false },
        ...{ timeoutMs: 5_400_000, waitTimeoutMs: 600_000 },
      },
    ]);
  });

  it("comes from the first pool, without files, when nothing else is said", async () => {
    const { manager } = await runAgainst({}, ["--", "true"]);

    expect(manager.submitted[0]).toMatchObject({ poolName: "small" });
    expect(manager.archives).toEqual([]);
  });

  it("starts in a copy of the folder that --files names", async () => {
    await mkdir(join(folder, "project"));
    await writeFile(join(folder, "project", "source.txt"), "the source");

    const { manager } = await runAgainst({}, ["--files", "project", "--", "true"]);

    expect(manager.archives[0]?.includes("the source")).toBe(true);
    expect(manager.submitted[0]?.archiveId).toBe("archive-1");
  });

  it.each<[number, JobEnd]>([
    [1, failed],
    [1, { result: "timeout", message: "it ran for more than 1h" }],
    [1, { result: "cancelled", message: "somebody else cancelled it" }],
    [3, { result: "machine-lost", message: "its machine was lost" }],
    [3, { result: "system-failure", message: "no machine within 1h" }],
  ])("ends with %i when its end is %j, and says why on stderr", async (exitCode, end) => {
    const outcome = await runAgainst({ log: "out\n", end }, ["--", "x"]);

    expect({ exitCode: outcome.exitCode, stdout: outcome.stdout }).toEqual({ exitCode, stdout: "out\n" });
    expect(outcome.stderr).toContain(`mayfly: job run: ${end.result}: ${"message" in end ? end.message : ""}\n`);
  });

  it.each<[string, Part, object]>([
    ["succeeded", { log: "out\n" }, { exitCode: 0, result: "success" }],
    ["failed", { log: "out\n", end: failed }, failed],
  ])("that %s is one JSON object on stdout with --json, its log on stderr", async (_title, part, end) => {
    const { stdout, stderr } = await runAgainst(part, ["--json", "--", "x"]);

    expect(JSON.parse(stdout)).toEqual({
      ...{ name: "run", machineId: "machine-1", poolName: "small" },
      phasesMs: { queued: 1, leased: 2, script: 3000, released: 4 },
      ...end,
    });
    expect(stdout.split("\n")).toHaveLength(2);
    expect(stderr).toContain("out\n");
  });

  it("says why it waits, whenever that changes, and which machine it gets", async () => {
    const whys = ["2 machines boot", "2 machines boot", "1 machine boots"];
    const lease = waitingLease("l-1");
    const told = Promise.withResolvers<void>();
    const { stderr } = await runAgainst({ log: "x" }, ["--", "true"], {
      changes: {
        awaitJob: async () => ({ ...endedJob("job-1"), leaseId: leaseIdFrom("l-1") }),
        awaitLease: async () => {
          const why = whys.shift();
          if (why !== undefined) return { lease, why };
          told.resolve();
          return { lease: { ...lease, state: "held", machineId: machineIdFrom("m-7"), heldSince: 1 } };
        },
        async *jobLog() {
          await told.promise;
          yield Buffer.from("x");
        },
      },
    });

    expect(stderr).toContain(
      "mayfly: waiting for a machine: 2 machines boot\nmayfly: waiting for a machine: 1 machine boots\n",
    );
  });
});

describe("an interrupted job", () => {
  it("is cancelled and waited for, and ends with 130", async () => {
    const { exitCode, stdout, stderr, manager } = await runAgainst({ log: "begun\n", runsUntil: "soft" }, ["--", "x"], {
      onStart: (child) => child.stdout?.once("data", () => child.kill("SIGINT")),
    });

    expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: "begun\n" });
    expect(stderr).toContain("mayfly: cancelling the job; interrupt again to force it\n");
    expect(manager.cancelled).toEqual(["run"]);
  });

  it("is ended by force at the second interrupt", async () => {
    let child: ChildProcess | undefined;
    const stubborn = createManager({ log: "begun\n", runsUntil: "forced" });
    const { exitCode } = await runAgainst({}, ["--", "x"], {
      onStart: (started) => {
        child = started;
        started.stdout?.once("data", () => started.kill("SIGINT"));
      },
      changes: {
        ...stubborn,
        cancelJob: async (id, force) => {
          if (!force) child?.kill("SIGINT");
          return stubborn.cancelJob(id, force);
        },
      },
    });

    expect(exitCode).toBe(130);
    expect(stubborn.cancelled).toEqual(["run", "run by force"]);
  });

  it("is cancelled when nobody reads its output any more", async () => {
    const manager = createManager({ log: "x".repeat(2 ** 20), runsUntil: "soft" });
    await using served = await serveManager(manager);
    const pipeline = '"$0" "$1" run --socket "$2" -- x | head -c 10';

    const { stdout, stderr } = await promisify(execFile)("bash", [
      ...["-c", pipeline],
      ...[process.execPath, CLI, served.socketPath],
    ]);

    expect({ stdout, stderr }).toEqual({ stdout: "x".repeat(10), stderr: "" });
    expect(manager.cancelled).toEqual(["run"]);
  });
});
