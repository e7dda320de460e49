import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import type { Job } from "../../src/domain/job.ts";
import { jobSpec } from "../support/jobs.ts";
import { runCli } from "../support/cli.ts";
import { makeDaemonHome } from "../support/localDaemon.ts";
import type { DaemonHome, LocalDaemon } from "../support/localDaemon.ts";
import { until } from "../support/until.ts";

const SECONDS_30 = 30_000;
const signal = new AbortController().signal;

/** A job that runs until the file `go` is there, half a minute at the longest. */
const waitsForGo = (folder: string) =>
  jobSpec({
    name: "long",
    script: ["echo begun", `for i in $(seq 300); do [ -e ${folder}/go ] && break; sleep 0.1; done`, "echo done"],
  });

async function submitAndBegin({ client }: LocalDaemon, folder: string): Promise<Job> {
  const job = await client.submitJob(waitsForGo(folder));
  await until("the job has begun", SECONDS_30, async () => {
    const log = await text(client.jobLog(job.id, 0, false, signal)).catch(() => "");
    return log.includes("begun");
  });
  return job;
}

const says = (daemon: LocalDaemon, words: string): Promise<true> =>
  until(`the daemon says "${words}"`, SECONDS_30, async () => daemon.lines().some((line) => line.includes(words)));

const go = ({ folder }: DaemonHome): Promise<void> => writeFile(join(folder, "go"), "");

describe("SIGTERM", () => {
  it("lets a running job end and its front door hear of it, refuses new ones, and ends with 0", async () => {
    await using home = await makeDaemonHome();
    const daemon = await home.startReady();
    const job = await submitAndBegin(daemon, home.folder);
    const { client } = daemon;
    const { lease } = await client.acquireLease({ poolName: "small", holder: "ann" });
    const frontDoor = runCli(["run", "--socket", home.socketPath, "--", "echo", "never"]);
    await until("the third waits", SECONDS_30, async () => (await client.jobs(false)).length === 2);
    const followed = text(client.jobLog(job.id, 0, true, signal));

    daemon.child.kill("SIGTERM");
    await says(daemon, `waits for job long (${job.id}) on m-`);
    const refused = await runCli(["run", "--socket", home.socketPath, "--", "true"]);
    const turnedAway = await frontDoor;
    const health = await runCli(["doctor", "--json", "--socket", home.socketPath, "-c", home.configPath]);
    await go(home);
    await client.releaseLease(lease.id);

    expect(refused).toMatchObject({ exitCode: 3, stderr: expect.stringContaining("the manager is stopping") });
    expect(turnedAway).toMatchObject({ exitCode: 3, stderr: expect.stringContaining("it is safe to run this again") });
    expect(health.stdout).toContain("stopping");
    expect(await followed).toBe("begun\ndone\n");
    expect(await client.awaitJob(job.id, SECONDS_30, signal)).toMatchObject({ end: { result: "success" } });
    expect(await daemon.exited).toBe(0);
    expect(existsSync(home.socketPath)).toBe(false);
  });

  it("cancels what is left when stop_timeout is over, as safe to run again", async () => {
    await using home = await makeDaemonHome('stop_timeout = "1s"');
    const daemon = await home.startReady();
    const job = await submitAndBegin(daemon, home.folder);

    daemon.child.kill("SIGTERM");
    const ended = await daemon.client.awaitJob(job.id, SECONDS_30, signal);

    expect(ended).toMatchObject({ end: { result: "system-failure", message: expect.stringContaining("safe to run") } });
    expect(await daemon.exited).toBe(0);
    expect(daemon.lines().join("\n")).toContain(`stop_timeout is over, cancels job long (${job.id})`);
  });

  it("hurries at the second, ends the process at the third, and the next start goes on", async () => {
    await using home = await makeDaemonHome();
    const daemon = await home.startReady({ terminateDelayMs: 50_000 });
    const job = await submitAndBegin(daemon, home.folder);
    daemon.child.kill("SIGTERM");
    await says(daemon, "waits for job long");

    daemon.child.kill("SIGTERM");
    await says(daemon, "told to hurry");
    await until("the job was ended", SECONDS_30, async () => (await daemon.client.job(job.id)).state === "ended");
    daemon.child.kill("SIGTERM");

    expect(await daemon.exited).toBe(130);
    const next = await home.startReady();
    expect(await next.client.job(job.id)).toMatchObject({ end: { result: "system-failure" } });
    await until("the machine is gone", SECONDS_30, async () => (await next.client.machines(false)).length === 0);
    next.child.kill("SIGTERM");
    expect(await next.exited).toBe(0);
  });

  it("may be followed by SIGUSR2, which leaves the rest to the next manager", async () => {
    await using home = await makeDaemonHome();
    const daemon = await home.startReady();
    const job = await submitAndBegin(daemon, home.folder);
    daemon.child.kill("SIGTERM");
    await says(daemon, "waits for job long");

    daemon.child.kill("SIGUSR2");

    expect(await daemon.exited).toBe(0);
    expect(daemon.lines().join("\n")).toContain(`leaves job long (${job.id})`);
    await go(home);
  });
});

it("refuses a second daemon on the same state directory in one line that names the first", async () => {
  await using home = await makeDaemonHome();
  const first = await home.startReady();

  const second = home.start();

  expect(await second.exited).toBe(3);
  const line = `mayfly: State directory ${home.stateDir} is in use by process ${first.pid}: stop it (kill ${first.pid}), or set another \`state_dir\` for this one`;
  expect(second.lines().filter((one) => one !== "")).toEqual([line]);
});
