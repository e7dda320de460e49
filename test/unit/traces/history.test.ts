import { expect, it } from "vitest";
import { machineIdFrom } from "../../../src/domain/ids.ts";
import type { Lease } from "../../../src/domain/lease.ts";
import { traceFromLeases } from "../../../src/traces/history.ts";
import { idleMachine, leasedMachine, terminatingMachine } from "../../support/machines.ts";
import { endedLease, waitingLease } from "../../support/records.ts";

const served = (id: string, createdAt: number, heldSince: number, endedAt: number): Lease => ({
  ...endedLease(id, endedAt),
  ...{ createdAt, heldSince, machineId: machineIdFrom("m-1") },
});

it("makes jobs of leases: ready when they were asked for, as long as they were held", () => {
  const running: Lease = {
    ...waitingLease("l-4"),
    createdAt: 50_000,
    state: "held",
    heldSince: 60_000,
    machineId: machineIdFrom("m-2"),
  };
  const leases = [running, waitingLease("l-3"), endedLease("l-2"), served("l-1", 10_000, 12_000, 42_000)];

  const trace = traceFromLeases(leases, [], "small", 100_000);

  expect([...trace.arrivals.readyAt]).toEqual([10_000, 50_000]);
  expect([...trace.arrivals.durationMs]).toEqual([30_000, 40_000]);
  expect(trace.dropped).toBe(2);
});

it("takes the leases and boot times of one pool alone", () => {
  const other: Lease = { ...served("l-1", 10_000, 12_000, 42_000), poolName: "large" };
  const ready = { requestedAt: 1000, readyAt: 46_000 };
  const machines = [
    { ...idleMachine(), ...ready },
    { ...leasedMachine(), ...ready, readyAt: 61_000 },
    { ...idleMachine(), ...ready, poolName: "large" },
    { ...idleMachine(), ...ready, startedAt: 40_000 },
    { ...terminatingMachine(), ...ready, readyAt: 31_000 },
    terminatingMachine(),
  ];

  const trace = traceFromLeases([other], machines, "small", 100_000);

  expect(trace.arrivals.readyAt).toHaveLength(0);
  expect(trace.bootTimesMs).toEqual([45_000, 60_000, 30_000]);
});
