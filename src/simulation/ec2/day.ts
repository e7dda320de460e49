import type { DesiredPool } from "../../domain/pool.ts";
import type { Ec2Shape } from "../../domain/shape.ts";
import { drawFor } from "../draw.ts";
import type { Draw } from "../draw.ts";
import { DAY_MS, planDay } from "../world/day.ts";
import type { Day, Ec2Habits } from "../world/day.ts";
import { AMI, REGION, SECURITY_GROUP, SUBNETS, ZONES } from "./site.ts";

/** A quarter of a day holds the jobs and the faults of a whole one: the driver's own calls cost more than all the rest. */
export const EC2_DAY_MS = DAY_MS / 4;

/** From one crowd of jobs to the next. */
const CROWD_MS = 15 * 60_000;

/** Plans the day of a seed in an account of EC2: its pools and jobs are those of the simulated provider's day, in less time. */
export function planEc2Day(seed: number, lengthMs: number = EC2_DAY_MS): Day {
  const draw = drawFor(seed, "ec2");
  const day = planDay(seed);
  const spread = day.jobs.map((job) => ({ ...job, atMs: Math.floor((job.atMs * lengthMs) / DAY_MS) }));
  // On every third day jobs come in crowds, so that many machines are wished for at once.
  const isCrowded = seed % 3 === 1;
  const jobs = isCrowded ? spread.map((job) => ({ ...job, atMs: job.atMs - (job.atMs % CROWD_MS) })) : spread;
  const inEc2 = (pool: DesiredPool): DesiredPool => ({
    ...{ ...pool, shape: shapeFrom(draw) },
    ...(isCrowded && { maxGrowthRate: Math.max(pool.maxGrowthRate, 10), maxMachines: Math.max(pool.maxMachines, 10) }),
  });
  const maxMachines = isCrowded ? Math.max(day.maxMachines, 20) : day.maxMachines;
  return dayInEc2({ ...day, jobs, maxMachines }, inEc2, {
    pendingMs: draw.between(2, 8) * 1_000,
    showMs: draw.pick([
      [0, 0],
      [0, 2_000],
      [500, 8_000],
    ]),
    pageSize: draw.pick([5, 1_000]),
    // Every pool has a subnet in the third.
    emptyZones: draw.pick([[], [], [], ZONES.slice(0, 1), ZONES.slice(0, 2)]),
  });
}

/** Moves a day into an account of EC2. */
export const dayInEc2 = (day: Day, place: (pool: DesiredPool) => DesiredPool, ec2: Ec2Habits): Day => ({
  ...day,
  pools: day.pools.map((pool) => ({ ...place(pool), stoppedCount: 0 })),
  // The rates are kept beside the calls, and nobody tells of what has gone.
  provider: { ...day.provider, callBudget: undefined, stopMs: undefined, watch: false, ec2 },
});

/** Machines of two types in three zones. */
export const EC2_SHAPE: Ec2Shape = {
  driver: "ec2",
  region: REGION,
  ami: AMI,
  instanceTypes: ["m7i.large", "m6i.large"],
  subnets: SUBNETS,
  securityGroups: [SECURITY_GROUP],
  market: "spot-first",
  diskGiB: 30,
  publicAddress: false,
  tags: {},
};

const shapeFrom = (draw: Draw): Ec2Shape => ({
  ...EC2_SHAPE,
  market: draw.pick(["spot-first", "spot-first", "spot-first", "on-demand", "spot"]),
  instanceTypes: draw.pick([EC2_SHAPE.instanceTypes, ["m7i.large"]]),
  subnets: draw.pick([SUBNETS, SUBNETS, SUBNETS.slice(1), SUBNETS.slice(2)]),
});
