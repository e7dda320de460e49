import { afterEach, beforeEach, expect, it } from "vitest";
import type { DesiredPool } from "../../../../src/domain/pool.ts";
import type { Ec2Market } from "../../../../src/domain/shape.ts";
import type { Machine } from "../../../../src/domain/machine.ts";
import type { MachineNotice } from "../../../../src/ports/guest.ts";
import { createVirtualEc2, ENDPOINT } from "../../../support/ec2/inProcess.ts";
import type { VirtualEc2 } from "../../../support/ec2/inProcess.ts";
import { shapeAt } from "../../../support/ec2/lab.ts";
import { startCloudManager } from "../../../support/ec2/manager.ts";
import type { CloudManager } from "../../../support/ec2/manager.ts";
import { hold } from "../../../support/ec2/serve.ts";
import { pool } from "../../../support/pools.ts";

// What EC2 tells a machine from inside, and what a whole manager makes of it.

const MINUTE_MS = 60_000;
let lab: VirtualEc2;
let cloud: CloudManager;

beforeEach(() => {
  lab = createVirtualEc2();
});
afterEach(() => lab.until(cloud.running.handOver()));

const after = (ms: number): Promise<void> => lab.until(lab.clock.sleep(ms));
async function start(market: Ec2Market, limits: Partial<DesiredPool> = {}): Promise<void> {
  cloud = await startCloudManager(lab, [pool({ name: "cloud", shape: { ...shapeAt(ENDPOINT), market }, ...limits })]);
  await after(MINUTE_MS);
}
const machines = (): Promise<readonly Machine[]> => cloud.running.manager.machines(true);
async function tell(machine: Machine | undefined, notice: MachineNotice): Promise<void> {
  if (machine === undefined || !("address" in machine)) throw new Error("the machine is not ready");
  cloud.guest.giveNotice(machine.address, notice);
  await after(1_000);
}
const eventsOf = async ({ id }: Machine): Promise<string[]> =>
  (await cloud.store.eventsOf(id)).map(({ what, detail }) => `${what}: ${detail}`);

it("retires an idle machine whose instance is to be rebalanced, and launches another", async () => {
  await start("spot-first");
  const [idle] = await machines();

  await tell(idle, { kind: "rebalance" });
  await after(MINUTE_MS);

  const all = await machines();
  expect(all.map((machine) => [machine.id === idle?.id, machine.state, "reason" in machine && machine.reason])).toEqual(
    expect.arrayContaining([
      [true, "terminated", "rebalance-recommended"],
      [false, "idle", false],
    ]),
  );
  expect(lab.cloud.live()).toHaveLength(1);
});

it("leaves a leased machine to its job whatever is recommended, and says so in its events", async () => {
  await start("spot-first", { idleCount: 0 });
  const { machineId, release } = await lab.until(hold(cloud.running.manager, "cloud"));
  const machine = await cloud.running.manager.machine(machineId);

  await tell(machine, { kind: "rebalance", at: lab.clock.now() });
  await after(5 * MINUTE_MS);

  expect(await eventsOf(machine)).toContainEqual(
    "rebalance recommended: EC2 recommends to rebalance: the spot instance may be taken back soon; its job goes on",
  );
  expect((await cloud.running.manager.machine(machineId)).state).toBe("leased");
  await release();
});

it("ends the lease before the machine is taken, when the machine is told first, and says it once", async () => {
  await start("spot-first", { idleCount: 0 });
  const { machineId } = await lab.until(hold(cloud.running.manager, "cloud"));
  const machine = await cloud.running.manager.machine(machineId);
  lab.cloud.announce(lab.cloud.live()[0]?.id ?? "");

  await tell(machine, { kind: "interruption", at: lab.clock.now() + 120_000 });
  await after(90_000);
  const before = (await cloud.running.manager.machine(machineId)).state;
  await after(12_000);

  expect(before).toBe("leased");
  expect(await cloud.running.manager.machine(machineId)).toMatchObject({ reason: "interrupted" });
  expect((await eventsOf(machine)).filter((text) => text.startsWith("interruption announced"))).toHaveLength(1);
});

it("asks no machine of a pool that never goes to the spot market", async () => {
  await start("on-demand");
  const [idle] = await machines();

  await tell(idle, { kind: "rebalance" });

  expect((await machines()).map(({ state }) => state)).toEqual(["idle"]);
});
