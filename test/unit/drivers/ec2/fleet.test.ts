import { afterEach, beforeEach, expect, it } from "vitest";
import type { DesiredPool } from "../../../../src/domain/pool.ts";
import type { DriverName } from "../../../../src/domain/shape.ts";
import type { Driver } from "../../../../src/ports/driver.ts";
import { adoptFleet } from "../../../../src/pool/adopt.ts";
import { createFleet } from "../../../../src/pool/fleet.ts";
import type { Fleet } from "../../../../src/pool/fleet.ts";
import { createLeases } from "../../../../src/pool/leases/leases.ts";
import { startLoop } from "../../../../src/pool/loop.ts";
import type { FleetLoop } from "../../../../src/pool/loop.ts";
import { createSimulatedDriver } from "../../../../src/simulation/driver.ts";
import { createSimulatedProvider } from "../../../../src/simulation/provider.ts";
import { createSeededRandom } from "../../../../src/simulation/random.ts";
import { createMemoryStore } from "../../../../src/simulation/store.ts";
import { createCloudGuests } from "../../../support/ec2/guests.ts";
import { createVirtualEc2, ENDPOINT } from "../../../support/ec2/inProcess.ts";
import type { VirtualEc2 } from "../../../support/ec2/inProcess.ts";
import { shapeAt } from "../../../support/ec2/lab.ts";
import { pool } from "../../../support/pools.ts";

// The real control loop over the EC2 driver and the AWS SDK, beside another driver, under a virtual clock.

const MINUTE_MS = 60_000;
let lab: VirtualEc2;
let fleet: Fleet;
let loop: FleetLoop | undefined;

beforeEach(() => {
  lab = createVirtualEc2();
  loop = undefined;
});
afterEach(async () => {
  if (loop !== undefined) await lab.until(loop.handOver());
});

async function start(cloudPool: Partial<DesiredPool>): Promise<void> {
  const { clock, deps } = lab;
  const random = createSeededRandom(2);
  const provider = createSimulatedProvider({ clock, random });
  const drivers: Driver[] = [lab.createDriver("us"), createSimulatedDriver(provider, "us")];
  const pools = [pool({ name: "cloud", shape: shapeAt(ENDPOINT), ...cloudPool }), pool({ name: "local" })];
  fleet = createFleet({
    store: createMemoryStore(),
    drivers: new Map<DriverName, Driver>(drivers.map((driver) => [driver.name, driver])),
    guest: createCloudGuests(lab, provider, 5_000),
    ...{ clock, random, logger: deps.logger },
    desired: () => ({ pools, maxMachines: 1000 }),
  });
  await lab.until(adoptFleet(fleet));
  loop = startLoop(fleet);
}

const idleIn = (poolName: string): number =>
  fleet.state.machines(poolName).filter(({ state }) => state === "idle").length;
const after = (ms: number): Promise<void> => lab.until(lab.clock.sleep(ms));

it("launches 200 machines at once in a throttled account that shows them late, and judges none of them dead", async () => {
  Object.assign(lab.cloud.settings, { throttles: true, showDelayMs: 4_000, runDelayMs: 8_000 });

  await start({ maxMachines: 200, idleCount: 200, maxGrowthRate: 200 });
  await after(5 * MINUTE_MS);

  expect(idleIn("cloud")).toBe(200);
  expect(lab.cloud.instances).toHaveLength(200);
  expect(lab.cloud.live()).toHaveLength(200);
  expect(lab.cloud.countOf("CreateFleet")).toBe(13);
  // Most of them look for interruptions of spot machines, whose number does not matter: one every ten seconds.
  expect(lab.cloud.calls.length / 200).toBeLessThanOrEqual(0.4);
}, 60_000);

it("says in one line what an account denies, serves the other pools meanwhile, and launches once it is granted", async () => {
  lab.cloud.denied.add("CreateFleet");

  await start({ idleCount: 1 });
  await after(10 * MINUTE_MS);
  const { launchProblem } = fleet.state.notes("cloud");
  const asked = lab.cloud.countOf("CreateFleet");
  const served = idleIn("local");
  lab.cloud.denied.clear();
  await after(2 * MINUTE_MS);

  expect(launchProblem).toMatch(/^AWS does not allow ec2:CreateFleet .*statement "LaunchMachines".*$/);
  expect(served).toBe(1);
  // With pauses of up to a minute, and no more than one try each.
  expect(asked).toBeGreaterThan(5);
  expect(asked).toBeLessThan(30);
  expect(idleIn("cloud")).toBe(1);
}, 60_000);

it("lets go of a spot machine within half a minute of its notice, long before it is taken, and launches another", async () => {
  await start({ idleCount: 1 });
  await after(MINUTE_MS);
  const [doomed] = lab.cloud.live();
  lab.cloud.announce(doomed?.id ?? "");
  await after(30_000);
  const [left] = lab.cloud.instances.filter(({ state }) => state === "ending");
  await after(MINUTE_MS);

  const events = await fleet.deps.store.recentMachines(10);
  expect(left?.id).toBe(doomed?.id);
  expect(
    events.filter((machine) => "reason" in machine).map((machine) => ("reason" in machine ? machine.reason : "")),
  ).toEqual(["interrupted"]);
  expect(idleIn("cloud")).toBe(1);
}, 60_000);

it("lets go of a spot machine whose notice came before its launch was in the store", async () => {
  // EC2 shows no address yet, for which the launch waits.
  lab.cloud.settings.showDelayMs = 14_000;
  await start({ idleCount: 1 });
  await after(2_000);
  const [doomed] = lab.cloud.instances;
  if (doomed === undefined) throw new Error("nothing was launched");
  doomed.markedAt = lab.clock.now();

  await after(40_000);

  const ended = (await fleet.deps.store.recentMachines(10)).flatMap((one) => ("reason" in one ? [one.reason] : []));
  expect(ended).toEqual(["interrupted"]);
  expect(doomed.state).toBe("ending");
}, 60_000);

const tierOnDemand: Partial<DesiredPool> = {
  ...{ idleCount: 1, stoppedCount: 2, maxMachines: 6 },
  shape: { ...shapeAt(ENDPOINT), market: "on-demand" },
};
const stoppedIds = (): string[] =>
  lab.cloud
    .live()
    .filter((instance) => lab.cloud.stateOf(instance) === "stopped")
    .map(({ id }) => id);

it("keeps machines stopped, starts them in the place of launches, and pins the keys that they made themselves", async () => {
  Object.assign(lab.cloud.settings, { throttles: true, runDelayMs: 8_000, stopDelayMs: 45_000 });
  await start(tierOnDemand);
  await after(6 * MINUTE_MS);
  const stopped = stoppedIds();
  const idle = fleet.state.machines("cloud").find(({ state }) => state === "idle");
  const asked = lab.cloud.countOf("CreateFleet");

  const { id } = await createLeases(fleet).request({ poolName: "cloud", holder: "test", ttlMs: 60 * MINUTE_MS });
  await after(30_000);
  const started = fleet.state.machines("cloud").find(({ startedAt }) => startedAt !== undefined);
  await after(6 * MINUTE_MS);

  expect(stopped).toHaveLength(2);
  expect(fleet.state.lease(id)).toMatchObject({ state: "held", machineId: idle?.id });
  expect(started).toMatchObject({ state: "idle", hostKey: expect.stringContaining("made by") });
  expect([lab.cloud.countOf("StartInstances"), lab.cloud.countOf("CreateFleet") - asked]).toEqual([1, 1]);
  expect(stoppedIds()).toHaveLength(2);
}, 60_000);

it("launches afresh when EC2 has no room for a stopped machine, and is told in one line what it may not stop", async () => {
  await start(tierOnDemand);
  await after(6 * MINUTE_MS);
  const { room } = lab.cloud.settings;
  for (const { type, zone } of lab.cloud.live()) room.set(`on-demand ${type} ${zone}`, 0);
  lab.cloud.denied.add("StopInstances");

  await createLeases(fleet).request({ poolName: "cloud", holder: "test", ttlMs: 60 * MINUTE_MS });
  await after(10 * MINUTE_MS);

  const ended = (await fleet.deps.store.recentMachines(20)).flatMap((one) => ("reason" in one ? [one.reason] : []));
  expect(ended).toContain("start-failed");
  expect(ended).toContain("stop-failed");
  expect(idleIn("cloud")).toBe(1);
  expect(fleet.state.notes("cloud").why).toMatch(
    /stopped_count 2 is not met yet: stops are refused .*ec2:StopInstances .*"StopAndStartMachines"/,
  );
  // Each has cost a launch: they come further and further apart.
  expect(lab.cloud.countOf("StopInstances")).toBeLessThan(8);
}, 60_000);

it("finds room in the one zone that has some, and asks the other two no more often than every three minutes", async () => {
  const { room } = lab.cloud.settings;
  for (const type of ["m7i.large", "m6i.large"])
    for (const zone of ["eu-central-1a", "eu-central-1b"]) room.set(`spot ${type} ${zone}`, 0);

  await start({ maxMachines: 20, idleCount: 20, maxGrowthRate: 5 });
  await after(3 * MINUTE_MS);

  expect(idleIn("cloud")).toBe(20);
  expect(new Set(lab.cloud.live().map(({ market, zone }) => `${market} ${zone}`))).toEqual(
    new Set(["spot eu-central-1c"]),
  );
  // The fleets of the first launches, which went out together; those that came later left out what had no room.
  expect(lab.cloud.offered.filter((offered) => offered.length === 6).length).toBeLessThanOrEqual(5);
}, 60_000);
