import { mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/daemon/clock.ts";
import { MachineLostError, SystemError } from "../../../src/domain/errors.ts";
import type { JobId } from "../../../src/domain/ids.ts";
import type { JobSpec } from "../../../src/domain/job.ts";
import { STOP_GRACE_MS, STOP_PATIENCE_MS } from "../../../src/jobs/scriptHost.ts";
import type { Clock } from "../../../src/ports/clock.ts";
import type { HeldMachine } from "../../../src/ports/leases.ts";
import { createFakeEngine } from "../../support/fakeEngine.ts";
import { jobSpec } from "../../support/jobs.ts";
import { createJobWorld } from "../../support/jobWorld.ts";
import type { JobManager, JobWorld } from "../../support/jobWorld.ts";

const never = new AbortController().signal;
/** What is stopped has a hundredth of its grace. */
const GRACES = [STOP_GRACE_MS, STOP_PATIENCE_MS, STOP_GRACE_MS + STOP_PATIENCE_MS];
const hasty: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(GRACES.includes(ms) ? ms / 100 : ms, signal),
};
const worlds: JobWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.remove();
});

function makeWorld(machine?: Partial<HeldMachine>): JobWorld {
  const world = createJobWorld(machine);
  worlds.push(world);
  return world;
}

/** Kills the manager of a job once its log holds the text, and answers the job. */
async function killAt(world: JobWorld, text: string, changes: Partial<JobSpec>): Promise<JobId> {
  const manager = world.start();
  const { id } = await manager.service.submit(jobSpec(changes));
  await world.seen(id, text);
  manager.process.kill();
  return id;
}

/** Waits for a file that a script makes when it is at its end, with nobody there. */
async function untilMade(world: JobWorld, file: string): Promise<void> {
  while (!(await readdir(world.folder)).includes(file)) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Ends when it is told to, and not before. */
const endless = ["trap 'sleep 0.2; exit 0' TERM; echo ready", "while :; do sleep 0.1; done"];

const endOf = async (world: JobWorld, id: JobId): Promise<unknown> => (await world.ended(id)).end;

describe.each([
  ["on its machine", {}],
  ["in a container", { image: { name: "busybox" } }],
])("a job %s whose manager was killed", (_title, where) => {
  it("and whose script ended with nobody there ends with its exit code, its log whole", async () => {
    const world = makeWorld();
    const script = ["echo one; sleep 0.3; seq 20000", `printf 'no newline'; touch ${world.folder}/done; exit 4`];
    const id = await killAt(world, "one\n", { ...where, script });
    await untilMade(world, "done");

    await world.succeed();

    expect(await endOf(world, id)).toMatchObject({ result: "failed", exitCode: 4 });
    const lines = Array.from({ length: 20_000 }, (_, index) => `${index + 1}\n`);
    expect(await world.logOf(id)).toBe(`one\n${lines.join("")}no newline`);
  });

  it("is stopped by who cancels it afterwards, and its after_script runs", async () => {
    const world = makeWorld();
    const script = ["echo ready", "while :; do sleep 0.1; done"];
    const id = await killAt(world, "ready", { ...where, script, afterScript: ["echo after $CI_JOB_STATUS"] });

    const { service } = await world.succeed({ clock: hasty });
    await service.cancel(id, false);

    expect(await endOf(world, id)).toMatchObject({ result: "cancelled" });
    expect(await world.logOf(id)).toMatch(/^ready\n(Terminated\n)?after canceled\n$/);
  });

  it("is ended at once by who forces it afterwards", async () => {
    const world = makeWorld();
    const id = await killAt(world, "ready", { ...where, script: ["echo ready", "sleep 30"], afterScript: ["echo no"] });

    const { service } = await world.succeed();
    await service.cancel(id, true);

    expect(await endOf(world, id)).toMatchObject({ result: "cancelled" });
    expect(await world.logOf(id)).toBe("ready\n");
  });

  it("has no more time than it had, and none when that is over", async () => {
    const world = makeWorld();
    const changes = { ...where, script: ["echo ready", "sleep 30"], timeoutMs: 1_000 };
    const id = await killAt(world, "ready", changes);

    await world.succeed({ clock: hasty });

    expect(await endOf(world, id)).toEqual({ result: "timeout", message: "execution took longer than 1s" });
  });

  it("was cancelled, and stays so, when its manager died the moment it had said so", async () => {
    const world = makeWorld();
    const manager = world.start();
    const { id } = await manager.service.submit(jobSpec({ ...where, script: endless }));
    await world.seen(id, "ready");

    await manager.service.cancel(id, false);
    manager.process.kill();
    await world.succeed({ clock: hasty });

    expect(await endOf(world, id)).toEqual({ result: "cancelled", message: "the job was cancelled" });
  });

  it("that was stopping ends as safe to run again, though the manager did not live to stop it", async () => {
    const world = makeWorld();
    const manager = world.start();
    const { id } = await manager.service.submit(jobSpec({ ...where, script: endless }));
    await world.seen(id, "ready");

    void manager.service.close();
    while ((await world.store.job(id))?.cancelledBy === undefined)
      await new Promise((resolve) => setImmediate(resolve));
    manager.process.kill();
    await world.succeed({ clock: hasty });

    const message = "the manager stopped before the job had ended; it is safe to run this again";
    expect(await endOf(world, id)).toEqual({ result: "system-failure", message });
  });

  it("is lost with its machine, when that went meanwhile and when it goes afterwards", async () => {
    const lost = new AbortController();
    const world = makeWorld({ lost: lost.signal });
    const first = await killAt(world, "ready", { ...where, script: ["echo ready", "sleep 2"] });
    lost.abort(new MachineLostError("instance-gone", "its process died"));
    await world.succeed();
    const other = makeWorld();
    const second = await killAt(other, "ready", { ...where, script: ["echo ready", "sleep 2"] });
    const { process } = await other.succeed();
    while (!process.calls.some((call) => call.startsWith("channel.exec 2"))) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    other.channel.break("the machine vanished");

    expect(await endOf(world, first)).toMatchObject({
      result: "machine-lost",
      message: expect.stringMatching(/its process died/),
    });
    expect(await endOf(other, second)).toMatchObject({
      result: "machine-lost",
      message: expect.stringMatching(/the machine vanished/),
    });
  });

  it("fails with the system, not by itself, when its machine had no room for its output", async () => {
    const world = makeWorld();
    const script = [`echo ready; while ! [ -e ${world.folder}/go ]; do sleep 0.05; done`, "echo gone"];
    const id = await killAt(world, "ready", { ...where, script });
    // Its writer goes on with a file that nobody sees any more.
    const progress = await world.store.jobProgress(id);
    const output = join(progress?.phase === "script" ? progress.script.trace.folder : "", "output");
    await rm(output);
    await writeFile(output, "re");
    await mkdir(join(world.folder, "go"));

    await world.succeed();

    expect(await endOf(world, id)).toMatchObject({
      result: "system-failure",
      message: expect.stringMatching(
        /could not be followed: its machine (kept less of|did not keep the end of) its output/,
      ),
    });
  });

  it("gets another fresh machine when its script had not begun", async () => {
    const world = makeWorld();
    const manager = world.start({ call: "channel.exec 1", when: "before" });
    const { id } = await manager.service.submit(jobSpec({ ...where, script: ["echo done"] }));
    await manager.process.due;
    const before = await world.store.job(id);

    await world.succeed();

    const job = await world.ended(id);
    expect(job.end).toMatchObject({ result: "success" });
    expect([before?.machineId, job.machineId]).toEqual(["machine-1", "machine-2"]);
    expect((await world.store.recentLeases(10)).map(({ id: lease, state }) => `${lease} ${state}`)).toEqual([
      "lease-2 ended",
      "lease-1 ended",
    ]);
  });
});

it("what the engine knows of a container that never came to its script is said once, whenever its manager dies", async () => {
  const image = { name: "busybox" };
  const live = async (death?: string): Promise<{ log: string; calls: readonly string[]; end: unknown }> => {
    const engine = createFakeEngine({ broken: { "busybox:latest": "no shell here" } });
    const world = createJobWorld({}, engine);
    worlds.push(world);
    const manager = world.start(death === undefined ? undefined : { call: death, when: "after" });
    const { id } = await manager.service.submit(jobSpec({ image, afterScript: [] }));
    await Promise.race([world.ended(id), manager.process.due]);
    if (death !== undefined) await world.succeed();
    return { end: await endOf(world, id), log: await world.logOf(id), calls: manager.process.calls };
  };
  const clean = await live();
  const late = clean.calls.slice(clean.calls.findLastIndex((call) => call.startsWith("container.tail")) - 1);

  const lives = await Promise.all(late.map(live));

  expect(clean).toMatchObject({ end: { exitCode: 127 }, log: "no shell here\n" });
  expect(late.length).toBeGreaterThan(5);
  expect(lives.map(({ end }) => end)).toEqual(late.map(() => clean.end));
  expect(lives.map(({ log }) => log)).toEqual(late.map(() => clean.log));
});

describe("a full disk", () => {
  const full = (): Error => new SystemError("disk-full", "No space left on the disk that holds the log");

  /** A manager whose log takes nothing any more once it holds the text. */
  const startFilling = (world: JobWorld, text: string): JobManager => {
    const manager = world.start(undefined, { clock: hasty }, (log) => ({
      ...log,
      get sizeBytes() {
        return log.sizeBytes;
      },
      async write(bytes) {
        if (Buffer.from(bytes).toString().includes(text)) throw full();
        await log.write(bytes);
      },
    }));
    return manager;
  };

  it("of the manager, over which a job's time runs out, is the system's failure with that reason", async () => {
    const world = makeWorld();
    const { service } = startFilling(world, "too much");
    const script = ["echo ready; sleep 0.2; echo too much", "sleep 30"];
    const { id } = await service.submit(jobSpec({ script, timeoutMs: 3_000 }));

    expect(await endOf(world, id)).toEqual({ result: "system-failure", message: full().message });
    expect(await world.logOf(id)).toBe("ready\n");
  });

  it("of the manager that gets room again costs the job nothing", async () => {
    const world = makeWorld();
    const { service, process } = startFilling(world, "too much");
    const { id } = await service.submit(jobSpec({ script: ["echo ready; sleep 0.2; echo too much; exit 4"] }));
    await world.seen(id, "ready");
    await service.await(id, 1_500, never);
    process.kill();
    await world.succeed();

    expect(await endOf(world, id)).toMatchObject({ result: "failed", exitCode: 4 });
    expect(await world.logOf(id)).toBe("ready\ntoo much\n");
  });

  it("of the machine, on which the script has no room, is the system's failure with that reason", async () => {
    const world = makeWorld();
    await mkdir(join(world.folder, ".mayfly-1"));
    await symlink("/dev/full", join(world.folder, ".mayfly-1", "script"));
    const { service } = world.start(undefined, {
      random: { id: (prefix) => (prefix === ".mayfly" ? ".mayfly-1" : `${prefix}-0123456789ab`), fraction: () => 0 },
    });
    const { id } = await service.submit(jobSpec({ script: ["echo never"] }));

    expect(await endOf(world, id)).toMatchObject({
      result: "system-failure",
      message: expect.stringMatching(/could not be started: .*[Nn]o space left/s),
    });
    await rm(join(world.folder, ".mayfly-1"), { recursive: true });
  });
});
