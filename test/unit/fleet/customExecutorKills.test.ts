import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Manager } from "../../../src/ports/manager.ts";
import { runCustomJob } from "../../support/customRunner.ts";
import type { CustomRunnerOptions } from "../../support/customRunner.ts";
import type { StageCall, StageExit, StageInvocation } from "../../support/customRunnerCall.ts";
import type { CoordinatorJob } from "../../support/customRunnerJob.ts";
import { startInProcess } from "../../support/customStages.ts";
import { createCustomWorld } from "../../support/customWorld.ts";
import type { CustomWorld } from "../../support/customWorld.ts";
import { until } from "../../support/until.ts";

/** Each stage of a job that takes a while, and by what its output shows that it has begun. */
const JOB: Omit<CoordinatorJob, "id"> = {
  stages: { get_sources: ["echo fetching", "sleep 0.4", "echo cloned > file"] },
  script: ["echo building", "sleep 0.4", "seq 5000 >> file"],
  afterScript: ["echo finishing", "sleep 0.4", "cat file"],
};
const STAGES = ["prepare", "get_sources", "build_script", "after_script", "cleanup"];
const LINES = ["cloned", ...Array.from({ length: 5_000 }, (_, index) => `${index + 1}`)].join("\n");
let nextId = 100;

const nothingHeld = (client: Manager): Promise<unknown> =>
  until("nothing is held", 20_000, async () => {
    const [jobs, machines] = await Promise.all([client.jobs(false), client.machines(false)]);
    return jobs.length === 0 && machines.length === 0;
  });

const optionsFor = (world: CustomWorld, changes: Partial<CustomRunnerOptions> = {}): CustomRunnerOptions => ({
  start: startInProcess(world.socketPath, { ttl: "2s" }),
  env: {},
  buildsDir: world.buildsDir,
  retryPauseMs: 500,
  ...changes,
});

/** Does something in the midst of one stage; a cleanup is over before there is a midst. */
const inStage =
  (wanted: string, act: (call: StageCall) => void): NonNullable<CustomRunnerOptions["onCall"]> =>
  (verb, stage, call) => {
    if (stage !== wanted && (stage !== undefined || verb !== wanted)) return;
    if (wanted === "cleanup") act(call);
    else setTimeout(() => act(call), 200);
  };

describe("a runner's job whose manager is restarted", () => {
  let world: CustomWorld;
  beforeAll(async () => {
    world = await createCustomWorld(2);
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it.each(STAGES)("in %s ends well, with all that it says", { timeout: 60_000 }, async (stage) => {
    let restarted: Promise<void> | undefined;
    const restart = (): void => {
      restarted ??= world.restart();
    };

    // The time to live is not what this is about: a busy host may take its while for a restart.
    const start = startInProcess(world.socketPath, { ttl: "20s" });
    const changes = { start, onCall: inStage(stage, restart) };
    const result = await runCustomJob({ ...JOB, id: nextId++ }, optionsFor(world, changes));

    expect(restarted).toBeDefined();
    await restarted;
    expect(result, result.log).toMatchObject({ state: "success" });
    expect(result.stdout.includes(LINES), result.log.slice(-3_000)).toBe(true);
    await nothingHeld(world.client);
  });
});

describe("a cleanup that finds no manager", () => {
  it("waits for the next one, and has the job end as it did", async () => {
    await using world = await createCustomWorld(1);
    const stages = startInProcess(world.socketPath, { ttl: "20s" });
    const direct = startInProcess(world.socketPath, {}, true);
    const cleanUpAway = async (invocation: StageInvocation): Promise<StageExit> => {
      const begun = Promise.withResolvers<StageCall>();
      await world.restart(async () => {
        const isAway = Promise.withResolvers<void>();
        const onStderr = (bytes: Buffer): void => {
          if (bytes.toString().includes("the manager is away")) isAway.resolve();
        };
        const call = direct({ ...invocation, onStderr });
        begun.resolve(call);
        await Promise.race([isAway.promise, call.exited]);
      });
      return (await begun.promise).exited;
    };
    const start: CustomRunnerOptions["start"] = (invocation) =>
      invocation.verb === "cleanup" ? { exited: cleanUpAway(invocation), kill: () => undefined } : stages(invocation);

    const result = await runCustomJob({ ...JOB, id: nextId++ }, optionsFor(world, { start }));

    expect(result, result.log).toMatchObject({ state: "success" });
    await nothingHeld(world.client);
    expect(await world.client.jobs(true)).toMatchObject([{ end: { result: "success" } }]);
  });
});

describe("a runner that is killed", () => {
  let world: CustomWorld;
  beforeAll(async () => {
    world = await createCustomWorld(2);
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it.each(STAGES)("in %s, its stage with it, leaves no machine", { timeout: 60_000 }, async (stage) => {
    // A runner that is gone calls nothing any more: what it would still do is kept from the daemon.
    let isGone = false;
    const alive = startInProcess(world.socketPath, { ttl: "2s" });
    const start: CustomRunnerOptions["start"] = (invocation) =>
      isGone ? { exited: Promise.resolve({ exitCode: null }), kill: () => undefined } : alive(invocation);
    const onCall = inStage(stage, (call) => {
      isGone = true;
      call.kill("SIGKILL");
    });

    const result = await runCustomJob({ ...JOB, id: nextId++ }, optionsFor(world, { start, onCall }));

    expect(isGone).toBe(true);
    expect(result.calls.at(-1)).toBe("cleanup: null");
    await nothingHeld(world.client);
    expect(running(`${world.folder}/.mayfly`)).toEqual([]);
  });
});

describe("a stage that is killed", () => {
  it("leaves nothing running beside the next one", async () => {
    await using world = await createCustomWorld(1);
    let last: StageCall | undefined;
    const onCall: CustomRunnerOptions["onCall"] = (_verb, _stage, call) => {
      last = call;
    };
    const onOutput = (log: string): void => {
      if (log.endsWith("ready\n")) last?.kill("SIGKILL");
    };
    // One that has ended may still be a zombie, whom nobody has asked for its exit code.
    const look =
      'case "$(cut -d" " -f3 "/proc/$(cat pid)/stat" 2>/dev/null)" in ""|Z) echo gone;; *) echo there;; esac';

    const result = await runCustomJob(
      { id: nextId++, script: ["echo $BASHPID > pid; echo ready; exec sleep 60"], afterScript: [look] },
      optionsFor(world, { onCall, onOutput }),
    );

    expect(result).toMatchObject({ state: "failed", reason: "runner_system_failure" });
    expect(result.stdout).toContain("gone\n");
    await nothingHeld(world.client);
  });
});

describe("a preparation", () => {
  it("is tried again by the runner when it is killed", async () => {
    await using world = await createCustomWorld(1);
    const first = new AbortController();
    const holding = runCustomJob({ id: nextId++, script: ["sleep 30"] }, optionsFor(world), { atOnce: first.signal });
    await until("the machine is held", 20_000, async () => (await world.client.jobs(false))[0]?.state === "running");
    const preparations: StageCall[] = [];

    const result = await runCustomJob(
      { id: nextId++, script: ["echo done"] },
      optionsFor(world, {
        onCall(verb, _stage, call) {
          if (verb === "prepare") preparations.push(call);
        },
        onOutput(log) {
          if (preparations.length !== 1 || !log.includes("Waiting for a machine")) return;
          preparations[0]?.kill("SIGKILL");
          first.abort();
        },
      }),
    );

    expect(result, result.log).toMatchObject({ state: "success" });
    expect(preparations).toHaveLength(2);
    expect(await holding).toMatchObject({ reason: "job_canceled" });
    await nothingHeld(world.client);
  });

  it("leaves the queue at once when the runner sends SIGTERM", async () => {
    await using world = await createCustomWorld(1);
    const first = new AbortController();
    const second = new AbortController();
    const holding = runCustomJob({ id: nextId++, script: ["sleep 30"] }, optionsFor(world), { atOnce: first.signal });
    await until("the machine is held", 20_000, async () => (await world.client.jobs(false))[0]?.state === "running");

    const result = await runCustomJob(
      { id: nextId++, script: ["echo never"] },
      optionsFor(world, {
        gracefulKillMs: 5_000,
        onOutput: (log) => {
          if (log.includes("Waiting for a machine")) second.abort();
        },
      }),
      { atOnce: second.signal },
    );

    expect(result).toMatchObject({ state: "failed", reason: "job_canceled" });
    expect(result.calls).toContain("prepare: 2");
    expect(await world.client.jobs(false)).toHaveLength(1);
    first.abort();
    expect(await holding).toMatchObject({ reason: "job_canceled" });
    await nothingHeld(world.client);
  });
});

describe("twenty runner's jobs at once on four machines", () => {
  it("each have a machine of their own and their own result, in the order of their arrival", async () => {
    await using world = await createCustomWorld(4);
    const ids = Array.from({ length: 20 }, () => nextId++);

    const results = await Promise.all(
      ids.map(async (id, index) => {
        // Arrivals that can be told apart.
        await new Promise((resolve) => setTimeout(resolve, index * 40));
        const job = { id, script: [`echo "I am $CI_JOB_ID"`, "sleep 0.2", `exit ${index % 3}`] };
        return runCustomJob(job, optionsFor(world, { start: startInProcess(world.socketPath, { ttl: "20s" }) }));
      }),
    );

    for (const [index, result] of results.entries()) {
      expect(result.stdout).toContain(`I am ${ids[index]}\n`);
      expect(result.exitCode ?? 0).toBe(index % 3);
    }
    await nothingHeld(world.client);
    const leases = (await world.client.leases(true)).map(({ lease }) => lease);
    const arrivals = leases.toSorted((a, b) => a.createdAt - b.createdAt);
    const holds = arrivals.map((lease) => ("heldSince" in lease ? lease.heldSince : undefined));
    expect(holds).toEqual(holds.toSorted((a = 0, b = 0) => a - b));
    const machines = await world.client.machines(true);
    expect(machines).toHaveLength(20);
    expect(new Set(machines.map((machine) => "leaseId" in machine && machine.leaseId)).size).toBe(20);
  });
});

/** The processes of this host that have the text in their command. */
function running(text: string): string[] {
  const { stdout } = spawnSync("pgrep", ["-fa", text], { encoding: "utf8" });
  return stdout.split("\n").filter((line) => line !== "" && !line.includes("pgrep"));
}
