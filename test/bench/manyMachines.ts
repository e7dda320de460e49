import { leaseIdFrom, machineIdFrom } from "../../src/domain/ids.ts";
import type { EpochMs } from "../../src/domain/ids.ts";
import type { LeaseIn } from "../../src/domain/lease.ts";
import type { MachineIn } from "../../src/domain/machine.ts";
import { bootingFrom, idleFrom, leasedFrom } from "../../src/domain/moves.ts";
import type { DesiredPool } from "../../src/domain/pool.ts";
import { shapeDigestOf } from "../../src/domain/recipe.ts";
import type { Change } from "../../src/ports/store.ts";
import { pool } from "../support/pools.ts";
import { someKeys } from "../support/records.ts";

/** What mayfly must bear at once. */
export const POOLS = 100;
export const MACHINES_A_POOL = 100;
/** Machines of a pool that hold no job. */
const IDLE_A_POOL = 60;

/** Pools that keep what `changesOf` makes as it is: every second one by a target, the others by a count. */
export const manyPools = (): readonly DesiredPool[] =>
  Array.from({ length: POOLS }, (_, n) =>
    pool({
      name: `pool-${n}`,
      maxMachines: 2 * MACHINES_A_POOL,
      maxGrowthRate: MACHINES_A_POOL,
      idleCount: IDLE_A_POOL,
      ...(n % 2 === 0 && { target: { waitMs: 1_000, share: 0.95 }, idleCountMin: IDLE_A_POOL }),
    }),
  );

/** All that makes one machine of a pool idle, or with `isLeased` leased. */
export function changesOf(desired: DesiredPool, n: number, now: EpochMs, isLeased = n >= IDLE_A_POOL): Change[] {
  const id = machineIdFrom(`m-${desired.name}-${n}`);
  const requested: MachineIn<"requested"> = {
    ...{ id, poolName: desired.name, driver: desired.shape.driver, launchToken: `t-${id}`, requestedAt: now },
    ...{ isCordoned: false, guestSettings: desired.guest, shapeDigest: shapeDigestOf(desired), state: "requested" },
  };
  const booting = bootingFrom(requested, `i-${id}`, now);
  const idle = idleFrom(booting, { host: "127.0.0.1", port: 22 }, now);
  const made: Change[] = [
    { kind: "machine-added", machine: requested, keys: someKeys },
    { kind: "machine-moved", machine: booting, from: "requested" },
    { kind: "machine-moved", machine: idle, from: "booting" },
  ];
  return isLeased ? [...made, ...leaseChanges(idle, now - n * 60_000, now)] : made;
}

/** Jobs came one by one, not all in a burst. */
function leaseChanges(idle: MachineIn<"idle">, createdAt: EpochMs, now: EpochMs): Change[] {
  const leaseId = leaseIdFrom(`l-${idle.id}`);
  const lease: LeaseIn<"held"> = {
    ...{ id: leaseId, poolName: idle.poolName, holder: "bench", priority: 0, createdAt, ttlMs: 3_600_000 },
    ...{ waitDeadlineAt: now, state: "held", machineId: idle.id, heldSince: now, expiresAt: now + 3_600_000 },
  };
  return [
    { kind: "machine-moved", machine: leasedFrom(idle, leaseId, now), from: "idle" },
    { kind: "lease", lease },
  ];
}
