import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MachineLostError } from "../../../src/domain/errors.ts";
import type { JobSpec } from "../../../src/domain/job.ts";
import type { JobRun } from "../../../src/jobs/run.ts";
import type { HeldMachine } from "../../../src/ports/leases.ts";
import type { StartedJob } from "../../support/jobRun.ts";
import { startJob } from "../../support/jobRun.ts";
import type { LocalChannel } from "../../support/localChannel.ts";
import { openLocalChannel } from "../../support/localChannel.ts";

let folder: string;
let channel: LocalChannel;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-jobs-"));
  channel = openLocalChannel(folder);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const start = (changes: Partial<JobSpec>, run: Partial<JobRun> = {}, machine: Partial<HeldMachine> = {}): StartedJob =>
  startJob(changes, { folder, channel, run, machine });

const isAlive = (pid: number): boolean => {
  // A killed orphan may stay a zombie where nobody reaps it.
  const state = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.[0] : "Z";
  return state !== "Z";
};

async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a script on the machine", () => {
  it("runs in the job's folder with its variables", async () => {
    const value = 'line 1\nit\'s "$HOME" `id` \\ \u00e4';
    const job = start({ name: "My Job", variables: { VALUE: value }, script: ['printf "%s|%s" "$VALUE" "$PWD"'] });

    const { end } = await job.done;

    expect(end).toEqual({ result: "success", exitCode: 0 });
    expect(job.text()).toBe(`${value}|${join(folder, "builds", "my-job")}`);
  });

  it("sets the usual variables, and lets the job's own win", async () => {
    const job = start({ variables: { CI_JOB_NAME: "mine" }, script: ['echo "$CI $CI_JOB_NAME $CI_PROJECT_DIR"'] });

    await job.done;

    expect(job.text()).toBe(`true mine ${folder}/builds/test-job\n`);
  });

  it.each([
    ["the first command that fails", ["echo a", "(exit 3)", "echo b"], 3, "a\n"],
    ["a pipe's first part", ["false | cat", "echo b"], 1, ""],
    ["exit", ["exit 42"], 42, ""],
    ["a signal", ["kill -KILL $$"], 137, ""],
    ["a command that is not there", ["no-such-command 2>/dev/null"], 127, ""],
  ])("ends at %s with its exit code", async (_name, script, exitCode, output) => {
    const job = start({ script });

    const { end } = await job.done;

    expect(end).toEqual({ result: "failed", exitCode, message: `exit code ${exitCode}` });
    expect(job.text()).toBe(output);
  });

  it("runs before_script and script in one shell", async () => {
    const job = start({ beforeScript: ["X=1", "cd /"], script: ['echo "$X $PWD"'] });

    await job.done;

    expect(job.text()).toBe("1 /\n");
  });

  it("keeps both outputs in order", async () => {
    const job = start({ script: ["for i in 1 2 3; do echo out$i; echo err$i >&2; done"] });

    await job.done;

    expect(job.text()).toBe("out1\nerr1\nout2\nerr2\nout3\nerr3\n");
  });

  it("has nothing on its stdin", async () => {
    const job = start({ script: ["cat", "echo end"] });

    await job.done;

    expect(job.text()).toBe("end\n");
  });

  it("echoes commands and says how it went, as GitLab does", async () => {
    const job = start({ echoCommands: true, script: ["echo it\\'s", "if true\nthen echo yes\nfi"] });

    await job.done;

    expect(job.text()).toBe(
      "\u001b[32;1m$ echo it\\'s\u001b[0;m\nit's\n" +
        "\u001b[32;1m$ if true # collapsed multi-line command\u001b[0;m\nyes\n" +
        "\u001b[32;1mJob succeeded\u001b[0;m\n",
    );
  });

  it("passes every byte through", async () => {
    const job = start({ script: ['for i in {0..255}; do printf "\\\\x$(printf %x $i)"; done'] });

    await job.done;

    expect(job.bytes()).toEqual(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
  });

  it("runs every byte but NUL as it was sent", async () => {
    const bytes = Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1));
    const command = Buffer.concat([Buffer.from("cat <<'EOF'\n"), bytes, Buffer.from("\nEOF")]);
    const job = start({ script: [command.toString("base64"), btoa("echo end")], scriptEncoding: "base64" });

    await job.done;

    expect(job.bytes()).toEqual(Buffer.concat([bytes, Buffer.from("\nend\n")]));
  });

  it("takes a script of 10 MB", async () => {
    const job = start({ script: [`cat <<'EOF' | wc -c\n${"x".repeat(10_000_000)}\nEOF`] });

    const { end } = await job.done;

    expect(end.result).toBe("success");
    expect(job.text().trim()).toBe("10000001");
  });

  it("keeps variables out of every command line", async () => {
    const job = start({ variables: { TOKEN: "s3cret-value" }, script: ["echo $TOKEN | wc -c"] });

    await job.done;

    expect(job.text()).toBe("13\n");
    expect(channel.commands.join()).not.toContain("s3cret-value");
  });

  it("unpacks the archive into the job's folder first", async () => {
    execFileSync("sh", ["-c", "mkdir input && echo content > input/file"], { cwd: folder });
    const job = start({ archiveId: "archive-1", script: ["cat input/file"] });

    const { end, phasesMs } = await job.done;

    expect(end.result).toBe("success");
    expect(job.text()).toBe("content\n");
    expect(Object.keys(phasesMs)).toEqual(["leased", "script"]);
  });

  it("takes a long output at the reader's pace, without keeping it", async () => {
    let length = 0;
    let mostHeap = 0;
    const before = process.memoryUsage().arrayBuffers;
    const job = start(
      { script: ["head -c 200000000 /dev/zero"] },
      {
        output: async (bytes) => {
          length += bytes.length;
          if (length % 7 === 0) {
            await new Promise((resolve) => setImmediate(resolve));
          }
          mostHeap = Math.max(mostHeap, process.memoryUsage().arrayBuffers - before);
        },
      },
    );

    const { end } = await job.done;

    expect(end.result).toBe("success");
    expect(length).toBe(200_000_000);
    expect(mostHeap).toBeLessThan(128 * 1024 * 1024);
  });

  it("does not wait for what it left in the background", async () => {
    const job = start({ script: ["sleep 300 & echo $!"] });

    const { end } = await job.done;

    expect(end.result).toBe("success");
    const pid = Number(job.text());
    expect(isAlive(pid)).toBe(true);
    process.kill(pid);
  });

  it("takes the last words of a process that its shell did not wait for", async () => {
    const job = start({ script: ["exec > >(sleep 0.3; cat) 2>&1", "echo late"] });

    await job.done;

    expect(job.text()).toBe("late\n");
  });
});

describe("after_script", () => {
  it("runs in a shell of its own after success, and its failure changes nothing", async () => {
    const job = start({ script: ["X=1"], afterScript: ['echo "[$X] $CI_JOB_STATUS"', "exit 5"] });

    const { end, phasesMs } = await job.done;

    expect(end).toEqual({ result: "success", exitCode: 0 });
    expect(job.text()).toContain("[] success\n");
    expect(job.text()).toContain("WARNING: after_script failed, but job will continue unaffected: exit code 5");
    expect(Object.keys(phasesMs)).toEqual(["leased", "script", "after"]);
  });

  it("runs after failure", async () => {
    const job = start({ script: ["exit 3"], afterScript: ["echo $CI_JOB_STATUS"] });

    const { end } = await job.done;

    expect(end).toMatchObject({ result: "failed", exitCode: 3 });
    expect(job.text()).toBe("failed\n");
  });

  it("runs after a timeout, which ends all that the script started", async () => {
    const job = start(
      { script: ["sleep 300 & echo $!", "wait"], afterScript: ["echo after $CI_JOB_STATUS"] },
      { timeoutMs: 500 },
    );

    const { end } = await job.done;

    expect(end).toEqual({ result: "timeout", message: "execution took longer than 500ms" });
    expect(job.text()).toContain("after failed");
    await untilGone(Number.parseInt(job.text(), 10));
  });
});

describe("cancelling", () => {
  it("ends grandchildren too, and still runs after_script", async () => {
    const job = start({
      script: ["(set -m; bash -c 'sleep 301 & echo pid $!; echo ready; wait') "],
      afterScript: ["echo after $CI_JOB_STATUS"],
    });
    await job.seen("ready");

    job.cancel.abort(new Error("cancelled"));
    const { end } = await job.done;

    expect(end).toEqual({ result: "cancelled", message: "the job was cancelled" });
    expect(job.text()).toContain("after canceled");
    await untilGone(Number(/pid (\d+)/.exec(job.text())?.[1]));
  });

  it("lets the script clean up on TERM", async () => {
    const job = start({ script: ["trap 'echo cleaned; exit 1' TERM", "echo ready", "while :; do sleep 0.1; done"] });
    await job.seen("ready");

    job.cancel.abort(new Error("cancelled"));
    const { end } = await job.done;

    expect(end.result).toBe("cancelled");
    expect(job.text()).toContain("cleaned");
  });

  it("waits for nothing when it is forced", async () => {
    const job = start({
      script: ["trap '' TERM", "echo $$", "while :; do sleep 0.1; done"],
      afterScript: ["echo after"],
    });
    await job.seen("\n");

    job.cancel.abort(new Error("cancelled"));
    job.force.abort(new Error("forced"));
    const { end } = await job.done;

    expect(end.result).toBe("cancelled");
    expect(job.text()).not.toContain("after");
    process.kill(Number.parseInt(job.text(), 10), "SIGKILL");
  });
});

describe("a lost machine", () => {
  it("is the job's end when the channel breaks", async () => {
    const job = start({ script: ["echo ready", "sleep 5"], afterScript: ["echo after"] });
    await job.seen("ready");

    channel.break("the machine's process died");
    const { end } = await job.done;

    expect(end).toEqual({ result: "machine-lost", message: "the machine's process died; safe to retry" });
    expect(job.text()).not.toContain("after");
  });

  it("is the job's end when the pool says so", async () => {
    const lost = new AbortController();
    const job = start({ script: ["echo ready", "sleep 5"] }, {}, { lost: lost.signal });
    await job.seen("ready");

    lost.abort(new MachineLostError("instance-gone", "the instance is gone"));
    const { end } = await job.done;

    expect(end).toEqual({ result: "machine-lost", message: "the instance is gone; safe to retry" });
  });
});
