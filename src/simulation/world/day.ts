import type { DesiredPool, IdleWish, ScheduleSection } from "../../domain/pool.ts";
import type { CallBudget } from "../../ports/driver.ts";
import { drawFor } from "../draw.ts";
import type { Draw } from "../draw.ts";
import { hasPreloads, withPreloads } from "./preloads.ts";
import type { RegistryHabits } from "./preloads.ts";
import { hasTargets, withTargets } from "./targets.ts";

export const DAY_MS = 24 * 3_600_000;
const MINUTE_MS = 60_000;
const STOPPED_TIER_CHANCE = 0.25;
const SCHEDULE_CHANCE = 0.2;

/** One job that comes to the front doors in a day. */
export interface PlannedJob {
  readonly name: string;
  /** In milliseconds since the day's start. */
  readonly atMs: number;
  readonly poolName: string;
  /** How long it runs once it has a machine, in milliseconds. */
  readonly runMs: number;
  readonly ttlMs: number;
  readonly waitTimeoutMs: number;
  /** `outside`: a process of its own holds the lease and renews it; `inside`: the manager's own job service does. */
  readonly holder: "outside" | "inside";
}

/** How the provider of a day behaves when all is well. Least and most, in milliseconds. */
export interface ProviderHabits {
  readonly callMs: readonly [number, number];
  readonly bootMs: readonly [number, number];
  readonly terminateMs: readonly [number, number];
  /** Absent where instances cannot be stopped. */
  readonly stopMs?: readonly [number, number] | undefined;
  readonly callBudget: CallBudget | undefined;
  readonly watch: boolean;
  /** What it does as an account of EC2. @default the simulated provider */
  readonly ec2?: Ec2Habits | undefined;
}

/** How an account of EC2 behaves when all is well. */
export interface Ec2Habits {
  /** From the launch to `running`, in milliseconds. */
  readonly pendingMs: number;
  /** From the launch to the first describe that shows the instance. Least and most, in milliseconds. */
  readonly showMs: readonly [number, number];
  /** Instances that a describe answers at the most, ≥ 1. */
  readonly pageSize: number;
  /** Zones that never have anything to give, in no market. */
  readonly emptyZones: readonly string[];
}

/** All that one seed makes of a day, but for its faults. */
export interface Day {
  readonly seed: number;
  readonly pools: readonly DesiredPool[];
  readonly maxMachines: number;
  readonly jobs: readonly PlannedJob[];
  readonly provider: ProviderHabits;
  /** Where machines fetch the images that their pools wish for on them. Absent where none does. */
  readonly registry?: RegistryHabits | undefined;
}

/** Plans a day: one to three pools and 100 to 160 jobs, thick at some hours and thin at others. */
export function planDay(seed: number): Day {
  const draw = drawFor(seed, "day");
  const pools = Array.from({ length: draw.pick([1, 1, 2, 3]) }, (_, index) => planPool(`pool-${index + 1}`, draw));
  const idleTotal = pools.reduce((sum, pool) => sum + pool.idleCount, 0);
  const maxTotal = pools.reduce((sum, pool) => sum + pool.maxMachines, 0);
  const day = {
    seed,
    pools,
    maxMachines: draw.chance(0.5) ? maxTotal : draw.between(Math.max(idleTotal, pools.length), maxTotal),
    jobs: planJobs(pools, draw),
    provider: planHabits(draw),
  };
  const tiered = hasStoppedTier(seed) ? withStoppedTier(day) : day;
  const scheduled = hasSchedules(seed) ? withSchedules(tiered) : tiered;
  const aimed = hasTargets(seed) ? withTargets(scheduled) : scheduled;
  return hasPreloads(seed) ? withPreloads(aimed) : aimed;
}

function withSchedules(day: Day): Day {
  const pools = day.pools.map((pool) => withSchedule(pool, drawFor(day.seed, `schedule of ${pool.name}`)));
  return { ...day, pools, maxMachines: Math.max(day.maxMachines, keptAtMost(pools)) };
}

/** Machines that pools keep while nothing is leased, whichever sections hold. */
const keptAtMost = (pools: readonly DesiredPool[]): number =>
  pools.reduce((sum, { idleCount, stoppedCount = 0, schedule = [] }) => {
    return sum + stoppedCount + Math.max(idleCount, ...schedule.map((section) => section.idleCount ?? idleCount));
  }, 0);

/** Tells whether pools of a day wish for other things at other times. Its own draw: other days, the kept seeds among them, are as they were. */
const hasSchedules = (seed: number): boolean => drawFor(seed, "hourly wishes").chance(SCHEDULE_CHANCE);

/** Gives a pool a schedule, or a wish that goes with what is leased, or both. */
function withSchedule(pool: DesiredPool, draw: Draw): DesiredPool {
  const room = pool.maxMachines - (pool.stoppedCount ?? 0);
  const sections = Array.from({ length: draw.pick([0, 1, 1, 2, 3]) }, () => planSection(room, draw));
  const scale = draw.chance(0.4) ? planScale(pool.idleCount, room, draw) : {};
  return { ...pool, ...scale, schedule: sections };
}

function planSection(room: number, draw: Draw): ScheduleSection {
  const [from, to] = [draw.between(0, 23), draw.between(0, 23)];
  const minutes = draw.pick(["*", "*", `${draw.between(0, 29)}-${draw.between(30, 59)}`, "*/10"]);
  const idleCount = draw.between(0, Math.min(room, 6));
  return {
    periods: [`${minutes} ${Math.min(from, to)}-${Math.max(from, to)} * * *`],
    timezone: draw.pick(["UTC", "Europe/Berlin", "Asia/Kolkata", "America/Santiago"]),
    ...planScale(idleCount, room, draw),
    idleCount,
    idleTimeMs: draw.chance(0.5) ? draw.pick([0, 1, 20]) * MINUTE_MS : undefined,
  };
}

const planScale = (idleCount: number, room: number, draw: Draw): Partial<IdleWish> => ({
  idleScaleFactor: draw.pick([0, 0.5, 1, 2]),
  idleCountMin: draw.between(0, idleCount),
  idleCountMax: draw.between(idleCount, Math.max(idleCount, room)),
});

/** Tells whether a day's provider can stop machines, and its pools keep some. Its own draw: other days are as they were without it. */
export const hasStoppedTier = (seed: number): boolean =>
  drawFor(seed, "machines can be stopped").chance(STOPPED_TIER_CHANCE);

/** Makes a day of one whose provider could stop no machine. */
export function withStoppedTier(day: Day): Day {
  const draw = drawFor(day.seed, "stopped machines");
  const pools = day.pools.map((pool) => {
    const room = pool.maxMachines - pool.idleCount;
    return { ...pool, stoppedCount: Math.min(room, draw.pick([0, 1, 1, 2, 4])) };
  });
  const kept = pools.reduce((sum, { idleCount, stoppedCount }) => sum + idleCount + stoppedCount, 0);
  const stopMs = [1_000, draw.pick([10_000, 60_000, 120_000])] as const;
  return { ...day, pools, maxMachines: Math.max(day.maxMachines, kept), provider: { ...day.provider, stopMs } };
}

function planPool(name: string, draw: Draw): DesiredPool {
  const maxMachines = draw.pick([1, 2, 4, 6, 10, 20]);
  return {
    name,
    maxMachines,
    idleCount: Math.min(maxMachines, draw.pick([0, 1, 1, 2, 4])),
    idleTimeMs: draw.pick([0, 1, 5, 20]) * MINUTE_MS,
    maxGrowthRate: draw.pick([1, 2, 5, 20]),
    maxAgeMs: draw.pick([1, 4, 12]) * 60 * MINUTE_MS,
    bootTimeoutMs: draw.pick([2, 5, 10]) * MINUTE_MS,
    jobTimeoutMs: draw.pick([1, 2, 4]) * 60 * MINUTE_MS,
    orphanTimeoutMs: draw.pick([15, 30, 60]) * MINUTE_MS,
    guest: { user: "runner", docker: "dind", dataRoot: "/var/lib/docker" },
    shape: { driver: "simulated" },
  };
}

function planJobs(pools: readonly DesiredPool[], draw: Draw): PlannedJob[] {
  const names = pools.map((pool) => pool.name) as [string, ...string[]];
  const peaksMs = [draw.between(0, DAY_MS), draw.between(0, DAY_MS), draw.between(0, DAY_MS)] as const;
  return Array.from({ length: draw.between(100, 160) }, (_, index) => {
    const peakMs = draw.pick(peaksMs) + draw.between(0, 90) * MINUTE_MS * draw.fraction();
    const atMs = Math.floor(draw.chance(0.5) ? draw.between(0, DAY_MS - 1) : peakMs % DAY_MS);
    return planJob(`job-${index + 1}`, atMs, draw.pick(names), draw);
  }).toSorted((a, b) => a.atMs - b.atMs);
}

/** Plans one job. Most are short, a few are long. */
export function planJob(name: string, atMs: number, poolName: string, draw: Draw): PlannedJob {
  return {
    name,
    atMs,
    poolName,
    runMs: Math.round(5_000 * 200 ** draw.fraction()),
    ttlMs: draw.pick([30_000, 60_000, 60_000, 180_000]),
    waitTimeoutMs: draw.pick([5, 60, 60, 180]) * MINUTE_MS,
    holder: draw.pick(["outside", "outside", "inside"]),
  };
}

function planHabits(draw: Draw): ProviderHabits {
  const isFast = draw.chance(0.5);
  const scaleMs = isFast ? 20 : 400;
  return {
    callMs: [scaleMs, scaleMs * draw.between(2, 6)],
    bootMs: isFast ? [4_000, 9_000] : [20_000, 70_000],
    terminateMs: isFast ? [100, 2_000] : [1_000, 60_000],
    callBudget: draw.chance(0.4) ? { burst: draw.between(1, 10), perSecond: draw.between(1, 5) / 2 } : undefined,
    watch: draw.chance(0.6),
  };
}
