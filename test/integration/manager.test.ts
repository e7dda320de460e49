import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunningManager } from "../../src/daemon/compose.ts";
import { jobIdFrom } from "../../src/domain/ids.ts";
import type { Job, JobSpec } from "../../src/domain/job.ts";
import type { Guest } from "../../src/ports/guest.ts";
import type { Manager } from "../../src/ports/manager.ts";
import { startRealManager } from "../support/realManager.ts";
import { makeRealState } from "../support/realState.ts";
import type { RealState } from "../support/realState.ts";
import { until } from "../support/until.ts";

// One manager with two machines at a time; the tests run in order and use it up, machine by machine. A machine whose process dies
// under its job: kills.test.ts.

const MINUTE_MS = 60_000;
const signal = new AbortController().signal;
const POOLS = `
[[pool]]
name = "small"
max_machines = 2
idle_count = 1
max_growth_rate = 2
[pool.qemu]
memory = "1GiB"
`;

let state: RealState;
let running: RunningManager;
let manager: Manager;

beforeAll(async () => {
  state = await makeRealState();
  ({ running } = await startRealManager(state, POOLS, withForgedFirstSeed));
  manager = running.manager;
});
afterAll(async () => {
  await running?.close(AbortSignal.abort());
  await state?.remove();
});

/** The first machine is told another host key than its manager knows, as if somebody stood between the two. */
function withForgedFirstSeed(guest: Guest): Guest {
  let isFirst = true;
  return {
    ...guest,
    async seedFrom(machineIds, keys, settings, limits) {
      const host = isFirst ? guest.createKeys(machineIds.join()).host : keys.host;
      isFirst = false;
      return guest.seedFrom(machineIds, { ...keys, host }, settings, limits);
    },
  };
}

const job = (name: string, script: string, more: Partial<JobSpec> = {}): JobSpec => ({
  ...{ name, poolName: "small", holder: "test", services: [], variables: {}, beforeScript: [], afterScript: [] },
  ...{ script: [script], echoCommands: false },
  ...more,
});
const endOf = (id: string): Promise<Job & { state: "ended" }> =>
  until(`job ${id} ended`, 10 * MINUTE_MS, async () => {
    const found = await manager.awaitJob(jobIdFrom(id), MINUTE_MS, signal);
    return found.state === "ended" && found;
  });
const logOf = async (id: string): Promise<string> => text(manager.jobLog(jobIdFrom(id), 0, false, signal));
const logHas = (id: string, words: string): Promise<true> =>
  until(`log of ${id} has "${words}"`, 10 * MINUTE_MS, async () => (await logOf(id)).includes(words));

describe("a manager of real machines", () => {
  it("ends a machine that shows another host key, and gives it to no job", async () => {
    const forged = await until("a machine was terminated", 5 * MINUTE_MS, async () =>
      (await manager.machines(true)).find((machine) => machine.state === "terminated"),
    );

    expect(forged).toMatchObject({ reason: "host-key-changed" });
    expect(forged).not.toHaveProperty("leaseId", expect.anything());
  });

  it("gives each job a machine that no other job has touched, with sudo and an engine", async () => {
    const script = (name: string) =>
      `sudo -n touch /left-by-${name}; sleep 1; echo "sees: $(ls / | grep left-by-)"; sudo -n id -u; docker version -f '{{.Server.Os}}'`;

    const [one, two] = await Promise.all(["one", "two"].map((name) => manager.submitJob(job(name, script(name)))));
    const ends = await Promise.all([one, two].map((accepted) => endOf(accepted?.id ?? "")));
    const logs = await Promise.all(ends.map(({ id }) => logOf(id)));

    expect(ends.map(({ end }) => end)).toEqual([
      { result: "success", exitCode: 0 },
      { result: "success", exitCode: 0 },
    ]);
    expect(new Set(ends.map(({ machineId }) => machineId)).size).toBe(2);
    expect(logs.map((log) => log.split("\n").filter((line) => line !== ""))).toEqual([
      ["sees: left-by-one", "0", "linux"],
      ["sees: left-by-two", "0", "linux"],
    ]);
  });

  it("stops a cancelled job's script, and still runs its after_script", async () => {
    const cancelled = await manager.submitJob(
      job("cancelled", "echo begun; sleep 600; echo not-reached", { afterScript: ["echo after: $CI_JOB_STATUS"] }),
    );
    await logHas(cancelled.id, "begun");

    await manager.cancelJob(cancelled.id, false);
    const { end } = await endOf(cancelled.id);
    const log = await logOf(cancelled.id);

    expect(end).toMatchObject({ result: "cancelled" });
    expect(log).toContain("after: canceled");
    expect(log).not.toContain("not-reached");
  });

  it("leaves no process and no file of a machine when it ends", async () => {
    const left = await running.close(new AbortController().signal);

    expect(left).toEqual([]);
    expect(await state.leftovers()).toEqual([]);
  });
});
