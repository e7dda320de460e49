import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { machineIdFrom } from "../../../src/domain/ids.ts";
import type { Manager } from "../../../src/ports/manager.ts";
import { runCli } from "../../support/cli.ts";
import type { Outcome } from "../../support/cli.ts";
import { health } from "../../support/health.ts";
import { serveManager } from "../../support/manager.ts";
import type { ServedManager } from "../../support/manager.ts";
import { createPipelineManager } from "../../support/pipelineManager.ts";
import type { Part, PipelineManager } from "../../support/pipelineManager.ts";
import { endedLease, waitingLease } from "../../support/records.ts";

const AWAY = "mayfly: the manager is away, waiting for it for up to";
const failed = { result: "failed", exitCode: 4, message: "exit code 4" } as const;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-reconnect-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** A manager behind a socket, with a command that speaks to it. */
async function withCommand(
  served: ServedManager,
  args: readonly string[],
  onStart?: (child: ChildProcess) => void,
): Promise<Outcome> {
  const [verb = "", ...rest] = args;
  const verbs = verb.split(" ");
  const options = { cwd: folder, ...(onStart === undefined ? {} : { onStart }) };
  return runCli([...verbs, "--socket", served.socketPath, ...rest], options);
}

/** Calls `then` once a stream of the command has said the text. */
function onSaid(child: ChildProcess, stream: "stdout" | "stderr", text: string, then: () => unknown): void {
  let said = "";
  child[stream]?.on("data", (bytes: Buffer) => {
    const before = said;
    said += bytes.toString();
    if (said.includes(text) && !before.includes(text)) then();
  });
}

const managerOf = (part: Part, changes: Partial<Manager> = {}): PipelineManager => ({
  ...createPipelineManager({ run: part, a: part }),
  ...changes,
});

describe("run, when its manager goes away", () => {
  it("waits for it, and ends as if nothing had happened", async () => {
    const ends = Promise.withResolvers<void>();
    const manager = managerOf({ log: "one\ntw", until: ends.promise, rest: "o\nthree", end: failed });
    await using served = await serveManager(manager);

    const outcome = await withCommand(served, ["run", "--", "x"], (child) => {
      onSaid(child, "stdout", "tw", () => served.goAway());
      onSaid(child, "stderr", AWAY, async () => {
        await served.comeBack();
        ends.resolve();
      });
    });

    expect(outcome).toMatchObject({ exitCode: 1, stdout: "one\ntwo\nthree" });
    expect(outcome.stderr.split(AWAY)).toHaveLength(2);
    expect(outcome.stderr).toMatch(/^mayfly: the manager is away.* 2m\nmayfly: the manager is back\nmayfly: job run: /);
    expect(manager.submitted).toHaveLength(1);
  });

  it("submits its job anew when the answer was lost, and has one job", async () => {
    let served: ServedManager | undefined;
    const manager = createPipelineManager({ run: { log: "out\n" } });
    const submitJob: Manager["submitJob"] = async (spec, key) => {
      const job = await manager.submitJob(spec, key);
      if (manager.keys.length === 1) await served?.goAway();
      return job;
    };
    served = await serveManager({ ...manager, submitJob });

    const outcome = await withCommand(served, ["run", "--", "x"], (child) => {
      onSaid(child, "stderr", AWAY, () => served?.comeBack());
    });
    await served[Symbol.asyncDispose]();

    expect(outcome).toMatchObject({ exitCode: 0, stdout: "out\n" });
    expect(manager.submitted).toHaveLength(1);
    expect(manager.keys).toEqual([expect.stringMatching(/^key-/), manager.keys[0]]);
  });

  it("ends with 3 and says what to do when nobody comes back in time", async () => {
    await using served = await serveManager(managerOf({ log: "begun\n", runsUntil: "soft" }));

    const { exitCode, stdout, stderr } = await withCommand(
      served,
      ["run", "--reconnect", "500ms", "--", "x"],
      (child) => onSaid(child, "stdout", "begun", () => served.goAway()),
    );

    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: "begun\n" });
    expect(stderr).toBe(
      `${AWAY} 500ms\nmayfly: the manager did not come back within 500ms; job job-1 goes on without it: \`mayfly job logs job-1 --follow\` once it is back\n`,
    );
    await served.comeBack();
  });

  it("does not wait with --reconnect 0", async () => {
    await using served = await serveManager(managerOf({ log: "begun\n", runsUntil: "soft" }));

    const { exitCode, stderr } = await withCommand(served, ["run", "--reconnect", "0", "--", "x"], (child) =>
      onSaid(child, "stdout", "begun", () => served.goAway()),
    );

    expect(exitCode).toBe(3);
    expect(stderr).not.toContain(AWAY);
    expect(stderr).toContain("no mayfly daemon answers");
    await served.comeBack();
  });

  it("cancels its job, when it is interrupted meanwhile, once the manager is back", async () => {
    const manager = managerOf({ log: "begun\n", runsUntil: "soft" });
    await using served = await serveManager(manager);

    const { exitCode, stderr } = await withCommand(served, ["run", "--", "x"], (child) => {
      onSaid(child, "stdout", "begun", () => served.goAway());
      onSaid(child, "stderr", AWAY, () => child.kill("SIGINT"));
      onSaid(child, "stderr", "interrupt again to leave without it", () => served.comeBack());
    });

    expect(exitCode).toBe(130);
    expect(manager.cancelled).toEqual(["run"]);
    expect(stderr).toContain("mayfly: job run: cancelled");
  });

  it("leaves at the second interrupt, and says that the job goes on", async () => {
    const manager = managerOf({ log: "begun\n", runsUntil: "soft" });
    await using served = await serveManager(manager);

    const { exitCode, stderr } = await withCommand(served, ["run", "--", "x"], (child) => {
      onSaid(child, "stdout", "begun", () => served.goAway());
      onSaid(child, "stderr", AWAY, () => child.kill("SIGINT"));
      onSaid(child, "stderr", "interrupt again to leave without it", () => child.kill("SIGINT"));
    });

    expect(exitCode).toBe(130);
    expect(manager.cancelled).toEqual([]);
    expect(stderr).toMatch(
      /mayfly: the manager is away; job job-1 goes on without it: `mayfly job logs job-1 --follow`/,
    );
    await served.comeBack();
  });

  it("takes no other manager for the one that had its job", async () => {
    const lost: Partial<Manager>[] = [];
    const manager = managerOf({ log: "begun\n", runsUntil: "soft" });
    const fresh = createPipelineManager();
    const changing = new Proxy(manager, { get: (target, name) => Reflect.get(lost[0] ?? target, name) as unknown });
    await using served = await serveManager(changing);

    const { exitCode, stderr } = await withCommand(served, ["run", "--", "x"], (child) => {
      onSaid(child, "stdout", "begun", () => served.goAway());
      onSaid(child, "stderr", AWAY, () => {
        lost.push(fresh);
        return served.comeBack();
      });
    });

    expect(exitCode).toBe(3);
    expect(stderr).toContain("mayfly: the manager knows no job job-1 any more: it has another state directory");
  });

  it.each(["--reconnect=soon", "--reconnect=60"])("refuses %s", async (option) => {
    await using served = await serveManager(managerOf({}));

    const { exitCode, stderr } = await withCommand(served, ["run", option, "--", "x"]);

    expect(exitCode).toBe(2);
    expect(stderr).toContain("mayfly: --reconnect: Expected 0, or a duration like");
  });
});

describe("ci, when its manager goes away", () => {
  it("brings all jobs to their ends, sends a broken upload anew, and tells of two absences in a row once", async () => {
    await writeFile(
      join(folder, ".gitlab-ci.yml"),
      "stages: [one, two]\na: {stage: one, script: x}\nb: {stage: one, script: x}\nc: {stage: two, script: x}\n",
    );
    await writeFile(join(folder, "source.txt"), "the source");
    const ends = Promise.withResolvers<void>();
    let uploads = 0;
    let served: ServedManager | undefined;
    const part = (rest: string): Part => ({ log: "begun\n", until: ends.promise, rest });
    const manager = createPipelineManager({ a: part("a ends\n"), b: part("b ends\n"), c: { log: "c\n" } });
    served = await serveManager({
      ...manager,
      async putArchive(bytes, signal) {
        uploads += 1;
        if (uploads > 1) return manager.putArchive(bytes, signal);
        await served?.goAway();
        return "never heard of";
      },
    });

    const { exitCode, stdout, stderr } = await withCommand(served, ["ci"], (child) => {
      onSaid(child, "stderr", AWAY, () => served?.comeBack());
      onSaid(child, "stdout", "[b] begun", async () => {
        await served?.goAway();
        await served?.comeBack();
        ends.resolve();
      });
    });
    await served[Symbol.asyncDispose]();

    expect({ exitCode, uploads }).toEqual({ exitCode: 0, uploads: 2 });
    expect(
      stdout
        .split("\n")
        .filter((line) => line.startsWith("["))
        .toSorted(),
    ).toEqual([...["[a] a ends", "[a] begun", "[b] b ends", "[b] begun", "[c] c"]]);
    expect(stderr.split(AWAY)).toHaveLength(2);
    expect(manager.submitted.map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect(manager.archives).toHaveLength(1);
    expect(manager.archives[0]?.includes("the source")).toBe(true);
  });

  it("reports the jobs that it cannot follow any more, with what to do, and ends with 3", async () => {
    await writeFile(join(folder, ".gitlab-ci.yml"), "a: {script: x}\nb: {stage: deploy, script: x, when: always}\n");
    await using served = await serveManager(managerOf({ log: "begun\n", runsUntil: "soft" }));

    const { exitCode, stderr } = await withCommand(served, ["ci", "--reconnect", "500ms"], (child) =>
      onSaid(child, "stdout", "begun", () => served.goAway()),
    );

    expect(exitCode).toBe(3);
    expect(stderr).toContain("job a: system-failure: the manager did not come back within 500ms; job job-1 goes on");
    expect(stderr).toContain(
      "job b: system-failure: the manager did not come back within 500ms; `mayfly job list --all`",
    );
    await served.comeBack();
  });
});

it("job logs --follow goes on after a restart where it was", async () => {
  const ends = Promise.withResolvers<void>();
  const manager = managerOf({ log: "one\n", until: ends.promise, rest: "two\n" });
  const { id } = await manager.submitJob({ name: "run" } as never);
  const job: Manager["job"] = async (jobId) => manager.awaitJob(jobId, 0, AbortSignal.abort());
  await using served = await serveManager({ ...manager, job });

  const { exitCode, stdout, stderr } = await withCommand(served, ["job logs", "--follow", id], (child) => {
    onSaid(child, "stdout", "one", () => served.goAway());
    onSaid(child, "stderr", AWAY, async () => {
      await served.comeBack();
      ends.resolve();
    });
  });

  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "one\ntwo\n" });
  expect(stderr).toBe(`${AWAY} 2m\nmayfly: the manager is back\n`);
});

describe("lease acquire, when its manager goes away", () => {
  const lease = waitingLease("l-1");
  const held = { lease: { ...lease, state: "held", machineId: machineIdFrom("m-7"), heldSince: 1 } } as const;

  it("keeps its place in the queue, asked for once", async () => {
    const keys = new Set<unknown>();
    let isBack = false;
    await using served = await serveManager({
      health: async () => health(),
      async acquireLease(_request, key) {
        keys.add(key);
        return { lease, why: "all are leased" };
      },
      awaitLease: () => (isBack ? Promise.resolve(held) : new Promise(() => undefined)),
    });

    const { exitCode, stdout } = await withCommand(served, ["lease acquire", "--pool", "small", "--json"], (child) => {
      onSaid(child, "stderr", "all are leased", () => served.goAway());
      onSaid(child, "stderr", AWAY, () => {
        isBack = true;
        return served.comeBack();
      });
    });

    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual(held);
    expect(keys.size).toBe(1);
  });

  it("ends at the first interrupt: what nobody renews lapses", async () => {
    await using served = await serveManager({
      acquireLease: async () => ({ lease, why: "all are leased" }),
      awaitLease: () => new Promise(() => undefined),
      releaseLease: async () => ({ lease: endedLease("l-1") }),
    });

    const { exitCode } = await withCommand(served, ["lease acquire", "--pool", "small"], (child) => {
      onSaid(child, "stderr", "all are leased", () => served.goAway());
      onSaid(child, "stderr", AWAY, () => child.kill("SIGINT"));
    });

    expect(exitCode).toBe(130);
    await served.comeBack();
  });
});
