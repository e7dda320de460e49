import type { EpochMs, LeaseId } from "../../domain/ids.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import type { ShadowBook } from "../../planning/shadow/book.ts";
import { replayPeriod } from "../../planning/shadow/period.ts";
import type { PeriodResult } from "../../planning/shadow/period.ts";
import { emptyTally, sumCompared, sumTallies } from "../../planning/shadow/tally.ts";
import type { Tally } from "../../planning/shadow/tally.ts";
import type { Change, StoredShadowPeriod } from "../../ports/store.ts";
import type { Fleet } from "../fleet.ts";
import type { PoolBoots } from "../target/boots.ts";
import type { Acting } from "./acting.ts";
import { openPeriod } from "./begin.ts";
import { poolOfShadow } from "./shadow.ts";
import type { OpenPeriod, Shadow, Totals } from "./shadow.ts";

/** Changes with the shape of what is kept: shadows of another version begin anew. */
const VERSION = 2;
const HOUR_MS = 3_600_000;
/** A stretch with so much to hear ends early: its record must stay small. */
const MAX_INPUTS = 1_000;

/** A stretch as it is stored: what it was decided from comes to its figures again. */
export interface PeriodRecord extends OpenPeriod {
  readonly version: typeof VERSION;
  readonly to: EpochMs;
  readonly result: PeriodResult;
  readonly acting: Tally;
}

/** What is kept of a shadow over restarts. */
export interface ShadowMemory {
  readonly version: typeof VERSION;
  readonly at: EpochMs;
  readonly digest: string;
  readonly startedAt: EpochMs;
  readonly book: ShadowBook;
  readonly period: OpenPeriod;
  readonly acting: Acting;
  readonly totals: Totals;
  readonly numbers: readonly (readonly [LeaseId, number])[];
  readonly nextNumber: number;
  readonly planner: Shadow["planner"];
  /** How long boots of the pool took. */
  readonly boots: PoolBoots;
  readonly problem: string;
}

/** Tells whether a shadow's stretch is over: an hour has ended, or much was heard. */
export const isPeriodOver = ({ period }: Shadow, now: EpochMs): boolean =>
  Math.floor(now / HOUR_MS) !== Math.floor(period.start.at / HOUR_MS) || period.inputs.length >= MAX_INPUTS;

/** Tells whether a shadow's pool is another now than in its stretch. */
export function isPoolChanged(shadow: Shadow, pool: DesiredPool): boolean {
  const { period, wish, seenPool } = shadow;
  if (seenPool === pool) return false;
  shadow.seenPool = pool;
  return JSON.stringify(poolOfShadow(pool, wish)) !== JSON.stringify(period.setting.pool);
}

/** Ends a shadow's stretch at the moment it stands at, and opens the next. Answers the record. */
export function closePeriod(fleet: Fleet, pool: DesiredPool, shadow: Shadow): PeriodRecord {
  const { book, period, acting, totals } = shadow;
  const { tally, compared } = book;
  const record: PeriodRecord = {
    ...{ ...period, version: VERSION, to: book.at, acting: acting.tally },
    result: { tally, compared },
  };
  shadow.totals = {
    shadow: sumTallies(totals.shadow, tally),
    acting: sumTallies(totals.acting, acting.tally),
    compared: sumCompared(totals.compared, compared),
  };
  acting.tally = emptyTally();
  shadow.period = openPeriod(fleet, pool, shadow.wish, book);
  shadow.period.actingLevels.push(...period.actingLevels.slice(-1).map(([, level]) => [book.at, level] as const));
  return record;
}

/** Reads a stretch's record; undefined for one of another version. */
export function periodFrom(text: string): PeriodRecord | undefined {
  const record = JSON.parse(text) as PeriodRecord;
  return record.version === VERSION ? record : undefined;
}

/** Works a stretch's figures out again from its record alone. */
export function replayRecord(record: PeriodRecord): PeriodResult {
  const { tally, compared } = replayPeriod(record);
  return { tally, compared };
}

/** How a shadow is kept. */
function memoryChange(fleet: Fleet, shadow: Shadow): Change {
  const { poolName, wish, digest, startedAt, book, period, acting, totals, numbers, nextNumber, planner, problem } =
    shadow;
  const memory: ShadowMemory = {
    ...{ version: VERSION, at: book.at, digest, startedAt, book, period, acting, totals, nextNumber, planner, problem },
    numbers: [...numbers],
    boots: fleet.planners.bootsOf(poolName),
  };
  return { kind: "shadow-memory", poolName, shadowName: wish.name, memory: JSON.stringify(memory) };
}

/** Reads how a shadow stood; undefined for what is none, of another version, another policy, or from the future. */
export function shadowMemoryFrom(text: string, digest: string, now: EpochMs): ShadowMemory | undefined {
  try {
    const memory = JSON.parse(text) as ShadowMemory;
    return memory.version === VERSION && memory.digest === digest && memory.at <= now ? memory : undefined;
  } catch {
    return undefined;
  }
}

/** What shadows have come to is written so often, and when the manager stops. */
const SAVE_MS = 5 * 60_000;

/** Has what shadows have come to written, when that is due: beside the passes, which do not wait for it. */
export function recordShadows(fleet: Fleet): void {
  const { shadows, deps, tasks } = fleet;
  const now = deps.clock.now();
  const due = shadowsOf(fleet).filter(({ savedAt }) => now - savedAt >= SAVE_MS);
  if (due.length === 0 && shadows.unrecorded.length === 0) return;
  tasks.start("record shadows", async (signal) => {
    const taken = shadows.unrecorded.splice(0);
    try {
      await deps.store.commit([...taken.map(recordedChange), ...due.map((shadow) => memoryChange(fleet, shadow))]);
      for (const shadow of due) shadow.savedAt = now;
    } catch (error) {
      shadows.unrecorded.unshift(...taken);
      deps.logger.warn({ err: error }, "could not store what shadows have come to, it is tried again");
      await deps.clock.sleep(RETRY_MS, signal);
    }
  });
}

/** Pause before what could not be written is tried again. */
const RETRY_MS = 30_000;

/** Writes what all shadows have come to, for the next manager. */
export async function saveShadows(fleet: Fleet): Promise<void> {
  const { shadows, deps } = fleet;
  const changes = [
    ...shadows.unrecorded.splice(0).map(recordedChange),
    ...shadowsOf(fleet).map((shadow) => memoryChange(fleet, shadow)),
  ];
  if (changes.length === 0) return;
  await deps.store.commit(changes).catch((error: unknown) => {
    deps.logger.warn({ err: error }, "could not store what shadows have come to, the next manager goes on from before");
  });
}

const shadowsOf = ({ shadows }: Fleet): Shadow[] =>
  [...shadows.byPool.values()].flatMap((byName) => [...byName.values()]);

const recordedChange = (period: StoredShadowPeriod): Change => ({ kind: "shadow-recorded", period });
