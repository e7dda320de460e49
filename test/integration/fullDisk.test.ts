import { closeSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { jobSpec } from "../support/jobs.ts";
import { runCli } from "../support/cli.ts";
import { makeDaemonHome } from "../support/localDaemon.ts";
import { mountSmallDisk, smallDiskObstacle } from "../support/smallDisk.ts";
import { until } from "../support/until.ts";

const SECONDS_30 = 30_000;
const MIB = 2 ** 20;
const signal = new AbortController().signal;
const obstacle = smallDiskObstacle();

/** Writes until there is not a byte left. */
function fillDisk(path: string): void {
  const file = openSync(path, "w");
  try {
    for (const size of [MIB, 4_096, 1]) {
      const chunk = Buffer.alloc(size, "x");
      for (;;) {
        try {
          writeSync(file, chunk);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === "ENOSPC") break;
          throw error;
        }
      }
    }
  } finally {
    closeSync(file);
  }
}

describe.skipIf(obstacle !== "")(`a small disk${obstacle === "" ? "" : ` (needs to mount one: ${obstacle})`}`, () => {
  it("that is full stops launches, keeps what runs, records ends, is told of, and is recovered from", async () => {
    await using home = await makeDaemonHome('min_free_disk = "32MiB"');
    await using disk = await mountSmallDisk(home.stateDir, 96);
    const daemon = await home.startReady({ wrap: disk.enter });
    const { client } = daemon;
    const filler = disk.seen(join(home.stateDir, "filler"));
    const reserve = disk.seen(join(home.stateDir, "mayfly.reserve"));
    const script = [
      "echo begun",
      `for i in $(seq 300); do [ -e ${home.folder}/go ] && break; sleep 0.1; done`,
      "echo done",
    ];
    const job = await client.submitJob(jobSpec({ name: "long", script }));
    const { lease } = await client.acquireLease({ poolName: "small", holder: "ann", ttlMs: 600_000 });
    const machinesIn = async (state: string): Promise<number> =>
      (await client.machines(false)).filter((machine) => machine.state === state).length;
    await until("both machines are leased", SECONDS_30, async () => (await machinesIn("leased")) === 2);
    await until("the job has begun", SECONDS_30, async () =>
      (await text(client.jobLog(job.id, 0, false, signal))).includes("begun"),
    );
    expect(statSync(reserve).size).toBe(8 * MIB);

    fillDisk(filler);
    const waiting = await client.acquireLease({ poolName: "small", holder: "bob", ttlMs: 600_000 });
    await client.releaseLease(lease.id);
    await until("ann's machine is gone", SECONDS_30, async () => (await client.machines(false)).length === 1);
    const degraded = await until("health tells of it", SECONDS_30, async () => {
      const health = await client.health();
      return health.problems.some((problem) => problem.includes("min_free_disk")) && health;
    });
    const refused = await client.submitJob(jobSpec({ name: "new" })).catch((error: unknown) => error);
    const doctor = await runCli(["doctor", "--json", "-c", home.configPath]);
    await new Promise((resolve) => setTimeout(resolve, 3_000));

    expect(statSync(reserve, { throwIfNoEntry: false })).toBeUndefined();
    expect(degraded.problems.join("\n")).toMatch(
      /nothing is launched: \d+ MiB are free at .*, less than min_free_disk/,
    );
    expect(refused).toMatchObject({ code: "disk-full", message: expect.stringContaining("nothing new is begun") });
    expect(doctor.exitCode).toBe(3);
    expect(await client.job(job.id)).toMatchObject({ state: "running" });
    expect((await client.machines(false)).map(({ state }) => state)).toEqual(["leased"]);
    expect(await client.awaitLease(waiting.lease.id, 0, undefined, signal)).toMatchObject({
      lease: { state: "waiting" },
      why: expect.stringContaining("launches wait"),
    });

    rmSync(filler);
    await writeFile(join(home.folder, "go"), "");

    const ended = await client.awaitJob(job.id, SECONDS_30, signal);
    expect(ended).toMatchObject({ state: "ended", end: { result: "success" } });
    expect(await text(client.jobLog(job.id, 0, false, signal))).toBe("begun\ndone\n");
    await until("bob has his machine", SECONDS_30, async () => {
      const { lease: bobs } = await client.awaitLease(waiting.lease.id, 1_000, undefined, signal);
      return bobs.state === "held";
    });
    await until("health is well again", SECONDS_30, async () => (await client.health()).status === "ok");
    expect(statSync(reserve).size).toBe(8 * MIB);
    await client.releaseLease(waiting.lease.id);
    daemon.child.kill("SIGTERM");
    expect(await daemon.exited).toBe(0);
  });

  it("that is full lets a manager start, which finds what was recorded last", async () => {
    await using home = await makeDaemonHome('min_free_disk = "32MiB"');
    await using disk = await mountSmallDisk(home.stateDir, 96);
    const first = await home.startReady({ wrap: disk.enter });
    await first.client.cordonPool("small");
    first.child.kill("SIGKILL");
    await first.exited;
    fillDisk(disk.seen(join(home.stateDir, "filler")));

    const second = await home.startReady({ wrap: disk.enter });

    expect(await second.client.pool("small")).toMatchObject({ mode: "cordoned" });
    expect(await second.client.health()).toMatchObject({ status: "degraded" });
    second.child.kill("SIGTERM");
    expect(await second.exited).toBe(0);
  });

  it("that is read-only is refused in one line, by the daemon and by doctor", async () => {
    await using home = await makeDaemonHome();
    await using disk = await mountSmallDisk(home.stateDir, 96);
    disk.freeze();

    const daemon = home.start({ wrap: disk.enter });
    const real = await runCli(["daemon", "-c", home.configPath], { wrap: disk.enter });
    const run = await runCli(["run", "-c", home.configPath, "--", "true"], { wrap: disk.enter });
    const doctor = await runCli(["doctor", "--json", "-c", home.configPath], { wrap: disk.enter });

    expect(await daemon.exited).toBe(3);
    const line = `mayfly: State directory ${home.stateDir} cannot be written (its file system is read-only): make it writable, or set another \`state_dir\``;
    expect(daemon.lines().filter((one) => one !== "")).toEqual([line]);
    expect(real).toEqual({ exitCode: 3, stdout: "", stderr: `${line}\n` });
    expect(run).toEqual({ exitCode: 3, stdout: "", stderr: `${line}\n` });
    expect((JSON.parse(doctor.stdout) as { checks: unknown[] }).checks).toContainEqual(
      expect.objectContaining({ name: "state directory", status: "fail" }),
    );
  });
});
