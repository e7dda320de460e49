import type { DesiredPool, IdleWish, ScheduleSection } from "../../domain/pool.ts";

/** Puts in the place of a pool's wish what holds now. Pure; answers the very pool where nothing depends on the moment. */
export function wishNow(pool: DesiredPool, section: ScheduleSection | undefined, leasedCount: number): DesiredPool {
  const scheduled = section === undefined ? pool : { ...pool, ...withoutPeriods(section) };
  const idleCount = idleLevel(scheduled, leasedCount);
  return idleCount === scheduled.idleCount ? scheduled : { ...scheduled, idleCount };
}

/** What a section sets: a field that it leaves open, the pool's own value stands for. */
function withoutPeriods({ periods: _, timezone: __, ...wish }: ScheduleSection): Partial<IdleWish> {
  return Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined));
}

/** Machines to keep ready while so many are leased. Never fewer for more. */
function idleLevel(wish: IdleWish, leasedCount: number): number {
  const { idleCount, idleScaleFactor = 0, idleCountMin = idleCount, idleCountMax = idleCount } = wish;
  if (idleScaleFactor <= 0) return idleCount;
  return Math.max(idleCountMin, Math.min(idleCountMax, Math.floor(leasedCount * idleScaleFactor)));
}
