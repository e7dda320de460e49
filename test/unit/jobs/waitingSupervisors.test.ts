import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { systemRandom as random } from "../../../src/daemon/random.ts";
import { TransientError } from "../../../src/domain/errors.ts";
import type { JobSpec } from "../../../src/domain/job.ts";
import { createWaitingSupervisors } from "../../../src/jobs/waitingSupervisors.ts";
import type { WaitingSupervisors } from "../../../src/jobs/waitingSupervisors.ts";
import { startJob } from "../../support/jobRun.ts";
import type { StartedJob } from "../../support/jobRun.ts";
import { openLocalChannel } from "../../support/localChannel.ts";
import type { LocalChannel } from "../../support/localChannel.ts";
import { until } from "../../support/until.ts";

let folder: string;
let channel: LocalChannel;
let supervisors: WaitingSupervisors;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-jobs-"));
  channel = openLocalChannel(folder);
  supervisors = createWaitingSupervisors({ builds: join(folder, "builds"), scratch: folder }, random);
});
afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));

const start = (changes: Partial<JobSpec>): StartedJob => startJob(changes, { folder, channel, deps: { supervisors } });

/** Processes of this host whose command line has the word. */
function processesWith(word: string): readonly string[] {
  const [first, rest] = [word.slice(0, 1), word.slice(1)];
  try {
    return execFileSync("pgrep", ["-f", "--", `[${first}]${rest}`], { encoding: "utf8" })
      .split("\n")
      .filter(Boolean);
  } catch {
    return [];
  }
}

describe("a supervisor that waits", () => {
  it("runs the job's first script, and starts nothing for it", async () => {
    supervisors.prepare(channel);
    const job = start({ script: ['echo "$PWD"'] });

    expect((await job.done).end).toEqual({ result: "success", exitCode: 0 });
    expect(job.text()).toBe(`${folder}/builds/test-job\n`);
    expect(channel.commands).toHaveLength(1);
  });

  it("is used once: what comes after starts its own", async () => {
    supervisors.prepare(channel);
    const job = start({ script: ["echo one"], afterScript: ["echo two"] });
    await job.done;

    expect(job.text()).toBe("one\ntwo\n");
    expect(channel.commands).toHaveLength(2);
  });

  it("is stopped as any other", async () => {
    supervisors.prepare(channel);
    const job = start({ script: ["trap 'echo asked; exit 3' TERM", "echo on", "while :; do sleep 0.1; done"] });
    await job.seen("on\n");
    job.cancel.abort(new Error("the job was cancelled"));

    expect((await job.done).end).toMatchObject({ result: "cancelled" });
    expect(job.text()).toContain("asked\n");
  });

  it("leaves a script nothing of its waiting: no open file, no variable, and its name is its own", async () => {
    supervisors.prepare(channel);
    const words = ["$0", "$BASH_ENV", "$go", "$-", "$(readlink /proc/$$/fd/0)"].join("|");
    const job = start({ script: [`echo "${words}"`, "ls /proc/self/fd"] });
    await job.done;

    const [said, ...files] = job.text().trim().split("\n");
    expect(said).toMatch(/\/script\|\|\|ehB\|\/dev\/null$/);
    const ofAnyShell = execFileSync("bash", ["-c", "ls /proc/self/fd"], { encoding: "utf8" });
    expect(files).toEqual(ofAnyShell.trim().split("\n"));
  });

  it("has the script's shell read what its surroundings would have it read", async () => {
    const env = join(folder, "it's env");
    writeFileSync(env, "X=1\n");
    vi.stubEnv("BASH_ENV", env);
    onTestFinished(() => void vi.unstubAllEnvs());
    supervisors.prepare(channel);
    const job = start({ script: ['echo "$X $BASH_ENV"', "bash -c 'echo $X'"] });
    await job.done;

    expect(job.text()).toBe(`1 ${env}\n1\n`);
  });

  it("is not missed where it has ended, or could not be started", async () => {
    const { exec } = channel;
    for (const first of ["exit 1", undefined]) {
      let isFirst = true;
      channel.exec = async (command, options, signal) => {
        if (!isFirst) return exec(command, options, signal);
        isFirst = false;
        if (first === undefined) throw new TransientError("channel-refused", "too many sessions");
        const process = await exec(first, options, signal);
        await process.exited;
        return process;
      };
      supervisors.prepare(channel);
      const job = start({ script: ["echo said"] });

      expect((await job.done).end).toEqual({ result: "success", exitCode: 0 });
      expect(job.text()).toBe("said\n");
    }
  });

  it("ends with its connection, and leaves no process behind", async () => {
    supervisors.prepare(channel);
    const waiting = await supervisors.take(channel);
    const nonce = waiting?.trace.nonce ?? "";
    await until("it waits with the shell of its script", 10_000, async () => processesWith(`${folder}/`).length > 1);
    expect(processesWith(nonce)).not.toEqual([]);
    waiting?.process.close();

    await until("all processes are gone", 10_000, async () => processesWith(`${folder}/`).length === 0);
  });
});

describe("the bytes of a script", () => {
  const plain = (text: string): Partial<JobSpec> => ({ script: [`cat "$0"; exit`, text] });
  it.each<readonly [string, Partial<JobSpec>, Buffer]>([
    ["short", plain("x"), Buffer.from("x\n")],
    ["of many bytes a letter", plain("\u00e4\u20ac\u{1f600}".repeat(50)), Buffer.from("\u00e4\u20ac\u{1f600}\n")],
    ["with words for the supervisor", plain("run\nstop\nended\n\\n \\ "), Buffer.from("run\nstop\nended\n\\n \\ \n")],
    ["long", plain("x".repeat(100_000)), Buffer.from("x".repeat(100_000))],
    [
      "with NUL and what is no text",
      { script: [Buffer.from('cat "$0"; exit\n\0\xff\n', "latin1").toString("base64")], scriptEncoding: "base64" },
      Buffer.from("\0\xff\n", "latin1"),
    ],
  ])("come as they are: %s", async (_name, changes, bytes) => {
    supervisors.prepare(channel);
    const job = start(changes);

    expect((await job.done).end).toEqual({ result: "success", exitCode: 0 });
    expect(job.bytes().indexOf(bytes)).toBeGreaterThan(0);
  });
});
