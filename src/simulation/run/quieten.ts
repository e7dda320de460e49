import type { MachineState } from "../../domain/machine.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { steerPool } from "../../pool/control.ts";
import { currentWish } from "../../pool/wish.ts";
import { ask } from "../world/frontDoor.ts";
import type { LiveJob } from "../world/job.ts";
import type { World } from "../world/world.ts";

const MINUTE_MS = 60_000;
/** How long after the last fault all must be as it was wished, beyond the work that is still to be done. */
const SETTLE_MS = 45 * MINUTE_MS;

/**
 * Ends all faults, puts right what the operator changed, and lets things come to rest. I6: every waiting job is served and the
 * idle counts are reached, and as many are stopped as was wished for; then I2: with no jobs and no idle machines wished for, nothing is left.
 */
export async function quieten(world: World, restart: () => void): Promise<void> {
  const { journal } = world;
  // Who waits for the next day's budget would wait for long.
  const day = { ...world.day, pools: world.day.pools.map((pool) => ({ ...pool, budgetUsdPerDay: undefined })) };
  if (world.violations.length > 0) return;
  journal.note("", "faults are over");
  world.faults.stop();
  world.process?.resume();
  restart();
  await until(
    world,
    () => world.manager !== undefined,
    10 * MINUTE_MS,
    "I6",
    () => "the manager does not come to serve",
  );
  world.desired = { pools: day.pools, maxMachines: day.maxMachines };
  await openPools(world);

  await until(world, createAllEnded(world), workLeftMs(world) + SETTLE_MS, "I6", () => {
    const [job] = openJobs(world);
    return `${job?.plan.name} (${job?.leaseId ?? "no lease"}) has come to no end`;
  });
  await until(
    world,
    () => day.pools.every((pool) => idleOf(world, pool.name) >= wishedIdle(world, pool)),
    SETTLE_MS,
    "I6",
    () => {
      const lacking = day.pools.find((pool) => idleOf(world, pool.name) < wishedIdle(world, pool));
      const wished = lacking === undefined ? 0 : wishedIdle(world, lacking);
      return `pool ${lacking?.name} has ${idleOf(world, lacking?.name ?? "")} idle machines, idle_count is ${wished}`;
    },
  );
  const stoppedIn = (name: string): number => countIn(world, name, "stopped");
  const lacksStopped = ({ name, stoppedCount = 0 }: DesiredPool): boolean => stoppedIn(name) < stoppedCount;
  await until(
    world,
    () => !day.pools.some(lacksStopped),
    SETTLE_MS,
    "I6",
    () => {
      const { name = "", stoppedCount } = day.pools.find(lacksStopped) ?? {};
      return `pool ${name} has ${stoppedIn(name)} stopped machines, stopped_count is ${stoppedCount}`;
    },
  );
  const nothing = { idleCount: 0, stoppedCount: 0, idleScaleFactor: 0, schedule: undefined, target: undefined };
  world.desired = { ...world.desired, pools: day.pools.map((pool) => ({ ...pool, ...nothing })) };
  const longestIdleMs = Math.max(...day.pools.map((pool) => pool.idleTimeMs));
  await until(
    world,
    () => isEmpty(world),
    longestIdleMs + SETTLE_MS,
    "I2",
    () => {
      const [left] = world.provider.instances();
      const [known] = world.truth.liveMachines.keys();
      const [lease] = world.truth.openLeases.keys();
      return `after quiet there is ${left?.machineId ?? known ?? lease} still`;
    },
  );
}

/** A write that a slow disk has begun may be in the way: time goes on meanwhile. */
async function openPools(world: World): Promise<void> {
  let isDone = false;
  const open = async (): Promise<void> => {
    for (const { name } of world.day.pools) await ask(world, ({ fleet }) => steerPool(fleet, name, "open"));
  };
  const opening = open().finally(() => {
    isDone = true;
  });
  opening.catch(() => undefined);
  await until(
    world,
    () => isDone,
    10 * MINUTE_MS,
    "I6",
    () => "the pools do not open",
  );
  if (isDone) await opening;
}

const isOpen = (job: LiveJob): boolean => job.end === undefined && !job.isTurnedAway && !job.isOrphaned;

const openJobs = ({ jobs }: World): LiveJob[] => jobs.filter(isOpen);

/** Tells whether all jobs have ended. Asked after every step, it goes on where it was: what has ended stays so. */
function createAllEnded({ jobs }: World): () => boolean {
  let index = 0;
  return () => {
    for (let job = jobs[index]; job !== undefined && !isOpen(job); job = jobs[index]) index += 1;
    return index >= jobs.length;
  };
}

/** What a pool wishes for at this moment, as a manager would find it: one that is down wishes for nothing. */
const wishedIdle = ({ manager }: World, pool: DesiredPool): number =>
  manager === undefined ? Infinity : currentWish(manager.fleet, pool).desired.idleCount;

const idleOf = (world: World, poolName: string): number => countIn(world, poolName, "idle");

function countIn({ truth }: World, poolName: string, state: MachineState): number {
  let count = 0;
  for (const machine of truth.liveMachines.values())
    if (machine.poolName === poolName && machine.state === state) count += 1;
  return count;
}

const isEmpty = ({ provider, truth }: World): boolean =>
  provider.instances().length === 0 && truth.liveMachines.size === 0 && truth.openLeases.size === 0;

/** An upper bound of the time that the open jobs still take, one after the other on the machines there are. */
function workLeftMs(world: World): number {
  const perPool = world.day.pools.map(({ name, maxMachines }) => {
    const jobs = openJobs(world).filter((job) => job.plan.poolName === name);
    const most = Math.max(1, Math.min(maxMachines, Math.floor(world.day.maxMachines / world.day.pools.length)));
    return jobs.reduce((sum, { plan }) => sum + plan.runMs + 5 * MINUTE_MS, 0) / most;
  });
  return Math.max(0, ...perPool) + 20 * MINUTE_MS;
}

async function until(
  world: World,
  isDone: () => boolean,
  withinMs: number,
  invariant: string,
  complaint: () => string,
): Promise<void> {
  const { clock, violations } = world;
  if (violations.length > 0) return;
  const deadlineMs = clock.monotonic() + withinMs;
  await clock.advanceUntil(
    () => isDone() || violations.length > 0 || clock.monotonic() >= deadlineMs,
    withinMs + 10 * MINUTE_MS,
  );
  if (isDone() || violations.length > 0) return;
  const text = `${Math.round(withinMs / MINUTE_MS)} min after the last fault ${complaint()}`;
  const about = /\b(m|l|job|burst)-[0-9a-z-]+/.exec(text)?.[0] ?? "";
  violations.push({ atMs: clock.monotonic(), invariant, text, about });
  world.journal.note(about, `BROKEN ${invariant}: ${text}`);
}
