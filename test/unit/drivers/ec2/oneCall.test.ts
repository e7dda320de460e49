import { afterEach, beforeEach, expect, it } from "vitest";
import type { DesiredPool } from "../../../../src/domain/pool.ts";
import type { Machine } from "../../../../src/domain/machine.ts";
import type { Store } from "../../../../src/ports/store.ts";
import { createMemoryStore } from "../../../../src/simulation/store.ts";
import { createVirtualEc2, ENDPOINT } from "../../../support/ec2/inProcess.ts";
import type { VirtualEc2 } from "../../../support/ec2/inProcess.ts";
import { shapeAt } from "../../../support/ec2/lab.ts";
import { startCloudManager } from "../../../support/ec2/manager.ts";
import type { CloudManager } from "../../../support/ec2/manager.ts";
import { pool } from "../../../support/pools.ts";

// A whole manager whose machines come several by one call.

const MINUTE_MS = 60_000;
let lab: VirtualEc2;
let store: Store;
let cloud: CloudManager | undefined;

beforeEach(() => {
  lab = createVirtualEc2();
  // It outlives managers.
  store = { ...createMemoryStore(), close: async () => undefined };
  lab.cloud.settings.runDelayMs = 4_000;
});
afterEach(async () => {
  if (cloud !== undefined) await lab.until(cloud.running.handOver());
});

async function start(wished: Partial<DesiredPool>): Promise<CloudManager> {
  cloud = await startCloudManager(lab, [pool({ name: "cloud", shape: shapeAt(ENDPOINT), ...wished })], { store });
  return cloud;
}
const after = (ms: number): Promise<void> => lab.until(lab.clock.sleep(ms));
const machinesIn = async (state: Machine["state"]): Promise<readonly Machine[]> =>
  (await store.recentMachines(100)).filter((machine) => machine.state === state);
const instancesOf = (machines: readonly Machine[]): string[] =>
  machines.flatMap((machine) => ("providerId" in machine ? [String(machine.providerId)] : [])).sort();
const live = (): string[] =>
  lab.cloud
    .live()
    .map(({ id }) => `eu-central-1/${id}`)
    .sort();
/** Loses the answers to launches that take effect. */
const loseAnswers = (count: number): void => {
  for (let time = 0; time < count; time += 1)
    lab.cloud.faults.push({ action: "CreateFleet", moment: "after", refusal: "cut" });
};

it("launches 20 machines by two calls, each of which becomes one instance with a key of its own", async () => {
  await start({ idleCount: 20, maxMachines: 40, maxGrowthRate: 30 });
  await after(MINUTE_MS);

  const idle = await machinesIn("idle");
  expect(idle).toHaveLength(20);
  expect(instancesOf(idle)).toEqual(live());
  expect(new Set(idle.map(({ hostKey }) => hostKey)).size).toBe(20);
  expect(lab.cloud.countOf("CreateFleet")).toBe(2);
});

it("joins what is wished for by jobs that come one after the other within a moment", async () => {
  const { running } = await start({ idleCount: 0, maxMachines: 40, maxGrowthRate: 30 });
  await after(1_000);

  for (const number of [1, 2, 3, 4, 5]) {
    await running.manager.acquireLease({ poolName: "cloud", holder: `job ${number}`, ttlMs: 10 * MINUTE_MS });
    await after(1);
  }
  await after(MINUTE_MS);

  expect(await machinesIn("leased")).toHaveLength(5);
  expect(lab.cloud.countOf("CreateFleet")).toBe(1);
});

it("gives up one machine of a call alone, and ends the instance that comes for it", async () => {
  lab.cloud.settings.runDelayMs = 10_000;
  // EC2 has launched them, and the call is still being asked again.
  loseAnswers(6);
  const { running } = await start({ idleCount: 0, maxMachines: 4, maxGrowthRate: 4 });
  for (const number of [1, 2, 3])
    await running.manager.acquireLease({ poolName: "cloud", holder: `job ${number}`, ttlMs: 60 * MINUTE_MS });
  await after(1_000);
  const [doomed] = await machinesIn("requested");
  await lab.until(running.manager.terminateMachine(doomed?.id ?? ("" as never)));
  await after(10 * MINUTE_MS);

  const leased = await machinesIn("leased");
  // The call brought three all the same, and the job that was left over got one of a call of its own.
  expect(leased).toHaveLength(3);
  expect(instancesOf(leased)).toEqual(live());
  expect(await machinesIn("terminating")).toEqual([]);
  expect((await store.machine(doomed?.id ?? ("" as never)))?.state).toBe("terminated");
  expect(lab.cloud.instances).toHaveLength(4);
});

it("takes over a call whose manager died before it had the answer: the same instances, one for each machine", async () => {
  loseAnswers(30);
  await start({ idleCount: 5, maxMachines: 10, maxGrowthRate: 10 });
  await after(5_000);
  const requested = await machinesIn("requested");
  await lab.until((cloud as CloudManager).running.handOver());
  lab.cloud.faults.length = 0;
  const launched = live();
  // EC2 shows one of them late.
  lab.cloud.hide(lab.cloud.instances[2]?.id ?? "", 10_000);

  await start({ idleCount: 5, maxMachines: 10, maxGrowthRate: 10 });
  await after(MINUTE_MS);

  expect(requested).toHaveLength(5);
  const idle = await machinesIn("idle");
  expect(idle.map(({ id }) => id).sort()).toEqual(requested.map(({ id }) => id).sort());
  expect(instancesOf(idle)).toEqual(launched);
  expect(live()).toEqual(launched);
});

it("launches what there is room for, says what is short, and the rest once there is room", async () => {
  lab.cloud.settings.quota = { spot: 1, "on-demand": 2 };
  await start({ idleCount: 5, maxMachines: 10, maxGrowthRate: 10 });
  await after(MINUTE_MS);
  const first = await machinesIn("idle");
  const failed = (await machinesIn("terminated")).map((machine) => "reason" in machine && machine.reason);
  lab.cloud.settings.quota = { spot: 10, "on-demand": 10 };
  await after(3 * MINUTE_MS);

  expect(first).toHaveLength(3);
  expect(new Set(failed)).toEqual(new Set(["launch-failed"]));
  expect(failed.length).toBeGreaterThanOrEqual(2);
  expect(instancesOf(await machinesIn("idle"))).toEqual(live());
  expect(live()).toHaveLength(5);
});

it("ends what a call brought beside its machines", async () => {
  await start({ idleCount: 3, maxMachines: 10, maxGrowthRate: 10 });
  await after(MINUTE_MS);
  const [known] = lab.cloud.live();
  if (known === undefined) throw new Error("nothing was launched");
  const stranger = lab.cloud.add({ ...known });

  await after(3 * MINUTE_MS);

  expect(lab.cloud.stateOf(stranger)).toBe("terminated");
  expect(instancesOf(await machinesIn("idle"))).toEqual(live());
  expect(live()).toHaveLength(3);
});
