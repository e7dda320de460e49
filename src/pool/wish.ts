import type { EpochMs } from "../domain/ids.ts";
import type { DesiredPool } from "../domain/pool.ts";
import { countByState } from "../planning/observed.ts";
import { describeScale } from "../planning/schedule/describe.ts";
import { wishNow } from "../planning/schedule/wish.ts";
import type { Fleet } from "./fleet.ts";
import { withTargetLevel } from "./target/level.ts";

/** What a pool wishes for at this moment. */
export interface CurrentWish {
  /** As the file has it, but for what its schedule and what is leased make of it. */
  readonly desired: DesiredPool;
  /** How it came to be; empty where the file says it all. */
  readonly why: string;
  /** The section of the schedule that holds, from 0; undefined while none does. */
  readonly sectionIndex: number | undefined;
  /** When another section will, on the fleet's clock and on the host's; Infinity for never. */
  readonly changesAt: EpochMs;
  readonly changesAtWall: EpochMs;
}

/** Finds what a pool wishes for now. Sections go by the host's clock, which people read; what is due goes by the steady one. */
export function currentWish(fleet: Fleet, pool: DesiredPool): CurrentWish {
  const wallNow = fleet.wallClock.now();
  const { schedule = [] } = pool;
  const held = fleet.schedules.heldAt(pool, wallNow);
  const leasedCount = (): number => countByState(fleet.state.machines(pool.name)).leased;
  const section = held?.index === undefined ? undefined : schedule[held.index];
  const scales = [pool, ...schedule].some(({ idleScaleFactor = 0 }) => idleScaleFactor > 0);
  const leased = scales ? leasedCount() : 0;
  const { desired, why } = withTargetLevel(fleet, wishNow(pool, section, leased));
  const parts = [held?.text ?? "", describeScale(desired, leased), why];
  const changesAtWall = held?.untilAt ?? Infinity;
  return {
    desired,
    why: parts.filter((part) => part !== "").join("; "),
    sectionIndex: held?.index,
    changesAt: fleet.deps.clock.now() + (changesAtWall - wallNow),
    changesAtWall,
  };
}
