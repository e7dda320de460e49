import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/daemon/clock.ts";
import type { JobId } from "../../../src/domain/ids.ts";
import type { JobSpec } from "../../../src/domain/job.ts";
import type { StageEnd, StageRequest } from "../../../src/domain/stage.ts";
import { STOP_GRACE_MS, STOP_PATIENCE_MS } from "../../../src/jobs/scriptHost.ts";
import type { JobService } from "../../../src/jobs/service.ts";
import type { Clock } from "../../../src/ports/clock.ts";
import { createFakeEngine } from "../../support/fakeEngine.ts";
import { jobSpec } from "../../support/jobs.ts";
import { createJobWorld } from "../../support/jobWorld.ts";
import type { JobWorld } from "../../support/jobWorld.ts";

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

function makeWorld(engine = createFakeEngine()): JobWorld {
  const world = createJobWorld({}, engine);
  worlds.push(world);
  return world;
}

const staged = (changes: Partial<JobSpec> = {}): JobSpec =>
  jobSpec({ script: [], staged: { ttlMs: 60_000 }, ...changes });

const stage = (script: string, changes: Partial<StageRequest> = {}): StageRequest => ({
  ...{ name: "build_script", place: "job", script: Buffer.from(script).toString("base64"), decidesResult: true },
  ...changes,
});

async function textOf(service: JobService, id: JobId, number: number, offset = 0): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of service.stageLog(id, number, offset, never)) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function endOf(service: JobService, id: JobId, number: number): Promise<StageEnd | undefined> {
  return (await service.awaitStage(id, number, 20_000, never)).end;
}

describe.each([
  ["on its machine", {}],
  ["in a container", { image: { name: "busybox" } }],
])("a staged job %s", (_title, where) => {
  it("runs its stages one by one, each with its own output and exit code, and ends by their results", async () => {
    const world = makeWorld();
    const { service } = world.start();
    const { id } = await service.submit(staged(where));

    expect(await endOf(service, id, 0)).toEqual({ result: "exited", exitCode: 0 });
    const first = await service.startStage(id, stage("printf 'one\\0'"), undefined);
    expect(await textOf(service, id, first.number)).toBe("one\0");
    expect(await endOf(service, id, first.number)).toEqual({ result: "exited", exitCode: 0 });
    const second = await service.startStage(id, stage("echo two; exit 7", { name: "step_two" }), undefined);
    expect(await endOf(service, id, second.number)).toEqual({ result: "exited", exitCode: 7 });
    const third = await service.startStage(id, stage("echo three", { place: "machine" }), undefined);
    expect(await textOf(service, id, third.number)).toBe("three\n");
    expect(await textOf(service, id, second.number)).toBe("two\n");
    expect(await textOf(service, id, second.number, 2)).toBe("o\n");
    await service.finish(id);

    expect((await world.ended(id)).end).toMatchObject({ result: "failed", exitCode: 7 });
    expect(await endOf(service, id, third.number)).toMatchObject({ result: "job-ended" });
  });

  it("goes on with a stage that ran on while the manager was dead, to its last byte", async () => {
    const world = makeWorld();
    const manager = world.start();
    const { id } = await manager.service.submit(staged(where));
    const { number } = await manager.service.startStage(
      id,
      stage("echo one; sleep 0.5; seq 20000; exit 4"),
      "request-1",
    );
    await world.seen(id, "one\n");
    manager.process.kill();

    const { service } = await world.succeed();
    const again = await service.startStage(id, stage("echo one; sleep 0.5; seq 20000; exit 4"), "request-1");

    expect(again.number).toBe(number);
    expect(await endOf(service, id, number)).toEqual({ result: "exited", exitCode: 4 });
    const lines = Array.from({ length: 20_000 }, (_, index) => `${index + 1}\n`);
    expect(await textOf(service, id, number)).toBe(`one\n${lines.join("")}`);
    const next = await service.startStage(id, stage("echo next"), undefined);
    expect(await textOf(service, id, next.number)).toBe("next\n");
  });

  it("stays ready for the next stage, the one before known, when the manager dies between two", async () => {
    const world = makeWorld();
    const manager = world.start();
    const { id } = await manager.service.submit(staged(where));
    const { number } = await manager.service.startStage(id, stage("echo said; exit 3"), undefined);
    await endOf(manager.service, id, number);
    manager.process.kill();

    const { service } = await world.succeed();

    expect(await endOf(service, id, 0)).toEqual({ result: "exited", exitCode: 0 });
    expect(await endOf(service, id, number)).toEqual({ result: "exited", exitCode: 3 });
    expect(await textOf(service, id, number)).toBe("said\n");
    const next = await service.startStage(id, stage("echo next", { name: "after_script" }), undefined);
    expect(next.number).toBe(number + 1);
    expect(await endOf(service, id, next.number)).toEqual({ result: "exited", exitCode: 0 });
    await service.finish(id);
    expect((await world.ended(id)).end).toMatchObject({ result: "failed", exitCode: 3 });
  });

  it("stops a stage that still runs, left by whoever asked for it, before the next one", async () => {
    const world = makeWorld();
    const { service } = world.start(undefined, { clock: hasty });
    const { id } = await service.submit(staged(where));
    const left = await service.startStage(id, stage("echo ready; while :; do sleep 0.1; done"), undefined);
    await world.seen(id, "ready");

    const next = await service.startStage(id, stage("echo next"), undefined);

    expect(await textOf(service, id, next.number)).toBe("next\n");
    expect(await endOf(service, id, left.number)).toEqual({ result: "stopped" });
  });
});

describe("a staged job", () => {
  it("ends when its holder gives no sign of life, wherever it is", async () => {
    const world = makeWorld();
    const { service } = world.start(undefined, { clock: hasty });
    const { id } = await service.submit(staged({ staged: { ttlMs: 1_000 } }));
    await service.startStage(id, stage("echo ready; while :; do sleep 0.1; done"), undefined);

    const { end } = await world.ended(id);

    expect(end).toEqual({ result: "cancelled", message: "its holder gave no sign of life for 1s" });
  });

  it("lives on as long as a question to it is open", async () => {
    const world = makeWorld();
    const { service } = world.start();
    const { id } = await service.submit(staged({ staged: { ttlMs: 1_000 } }));
    const { number } = await service.startStage(id, stage("sleep 2.5; echo done"), undefined);

    expect(await endOf(service, id, number)).toEqual({ result: "exited", exitCode: 0 });
  });

  it("takes the failure of a stage back that is tried again and succeeds", async () => {
    const world = makeWorld();
    const { service } = world.start();
    const { id } = await service.submit(staged());
    for (const script of ["exit 1", "exit 0"]) {
      const { number } = await service.startStage(id, stage(script, { name: "get_sources" }), undefined);
      await endOf(service, id, number);
    }
    const { number } = await service.startStage(id, stage("exit 9", { decidesResult: false }), undefined);
    await endOf(service, id, number);
    await service.finish(id);

    expect((await world.ended(id)).end).toEqual({ result: "success", exitCode: 0 });
  });

  it("tells its stages of its end: an image that cannot be pulled, a machine that is lost", async () => {
    const world = makeWorld(createFakeEngine({ refused: { "nothing:latest": "no such image" } }));
    const { service } = world.start();
    const refused = await service.submit(staged({ image: { name: "nothing" } }));
    expect(await endOf(service, refused.id, 0)).toMatchObject({ result: "job-ended", end: { result: "failed" } });

    const lost = await service.submit(staged());
    const { number } = await service.startStage(lost.id, stage("echo ready; sleep 20"), undefined);
    await world.seen(lost.id, "ready");
    world.channel.break("pulled the plug");

    expect(await endOf(service, lost.id, number)).toMatchObject({
      result: "job-ended",
      end: { result: "machine-lost" },
    });
    await world.ended(lost.id);
    await expect(service.startStage(lost.id, stage("true"), undefined)).rejects.toThrow("takes no more stages");
  });

  it("opens registries to its pulls alone", async () => {
    const engine = createFakeEngine();
    const world = makeWorld(engine);
    const { service } = world.start();
    const login = { server: "https://registry.example.com", username: "gitlab-ci-token", password: "secret" };
    const image = { name: "registry.example.com/group/image" };
    const { id } = await service.submit(staged({ image, registryLogins: [login] }));
    await endOf(service, id, 0);

    expect(engine.auths).toMatchObject([{ username: "gitlab-ci-token", password: "secret" }]);
    expect(JSON.stringify(engine.created)).not.toContain("secret");
    expect(await world.logOf(id)).not.toContain("secret");
  });

  it("must have no scripts of its own", async () => {
    const { service } = makeWorld().start();

    await expect(service.submit(staged({ script: ["true"] }))).rejects.toThrow("no scripts of its own");
  });
});
