import { machineIdFrom } from "../../domain/ids.ts";
import type { Draw } from "../draw.ts";
import type { Strike } from "../faults/active.ts";
import type { FaultKind } from "../faults/kinds.ts";
import type { ProviderInstance } from "../provider.ts";
import { OWNER } from "./cloud.ts";
import type { Cloud } from "./cloud.ts";
import { planJob } from "./day.ts";
import type { WorldGuests } from "./guests.ts";
import type { LiveJob } from "./job.ts";
import { changeLimits, endMachine, removePool, reshapePool, steer, struck } from "./operator.ts";
import type { Moment } from "./process.ts";
import { isAlive } from "./truth.ts";
import type { World } from "./world.ts";

const HOUR_MS = 3_600_000;
/** Instances that a spot market announces to take back at once, least and most. */
const RAID = [2, 5] as const;
const BURST_JOBS = 1_000;
const BURST_WAIT_MS = HOUR_MS;
const BURST_TTL_MS = 180_000;

const MOMENTS: readonly [Moment, Moment] = ["before", "after"];

/** What the faults that strike once reach. */
export interface StrikeTargets {
  readonly world: World;
  readonly cloud: Cloud;
  readonly guests: WorldGuests;
  readonly startJob: (job: LiveJob["plan"]) => void;
  /** Runs something at the so-manieth (≥ 1) port call from now of which this is the moment; calls of other ports do not count. */
  readonly atCall: (calls: number, moment: Moment, run: () => void, port?: string) => void;
  /** Kills the manager now, and starts another after `downMs`. */
  readonly kill: (downMs: number) => void;
  readonly handOver: () => void;
}

/** Faults of one machine, the half of which is meant for machines at work: those have the most to lose, and are few. */
const MACHINE_FAULTS: readonly FaultKind[] = [
  "channel-cut",
  "engine-dead",
  "instance-vanishes",
  "instance-stops",
  "spot-notice",
];

const SPOT_FAULTS: readonly FaultKind[] = ["spot-notice", "spot-raid"];

/** Lets a fault strike that strikes once. Answers false when there is no machine at work, for which it is meant. */
export function strikeOnce(targets: StrikeTargets, strike: Strike): boolean {
  const { world, cloud } = targets;
  const isForWork = MACHINE_FAULTS.includes(strike.fault.kind) && strike.draw.chance(0.5);
  // One that is stopped can vanish, and no more can befall it.
  const canBeStopped = strike.fault.kind === "instance-vanishes";
  const alive = world.provider
    .instances()
    .filter((one) => one.owner === OWNER && isAlive(one) && (canBeStopped || one.stoppedAt === undefined))
    .filter((one) => !SPOT_FAULTS.includes(strike.fault.kind) || cloud.isOnLoan(one));
  const atWork = alive.filter(({ machineId }) => world.truth.liveMachines.get(machineId)?.state === "leased");
  if (isForWork && atWork.length === 0) return false;
  strikeNow(targets, strike, isForWork ? atWork : alive);
  return true;
}

/** One that finds nothing to strike passes by. */
function strikeNow(
  { world, cloud, guests, ...targets }: StrikeTargets,
  { fault, draw }: Strike,
  instances: readonly ProviderInstance[],
): void {
  const { kind, value } = fault;
  const onInstance = (strike: (instance: ProviderInstance) => void): void => {
    const instance = instances[Math.floor(value * instances.length)];
    if (instance === undefined) return;
    world.truth.machine(instance.machineId).touches.set(kind, world.clock.monotonic());
    struck(world, kind, instance.machineId);
    strike(instance);
  };
  switch (kind) {
    case "channel-cut":
      onInstance(({ address }) => world.guest.cutChannel(address));
      return;
    case "engine-dead":
      onInstance((instance) => guests.killEngine(instance));
      return;
    case "instance-vanishes":
      onInstance(({ providerId }) => world.provider.vanishInstance(providerId));
      return;
    case "instance-stops":
      onInstance(({ providerId }) => world.provider.loseInstance(providerId));
      return;
    case "spot-notice":
      onInstance((instance) => cloud.takeBack(instance, draw));
      return;
    case "spot-raid":
      for (const instance of instances.slice(0, draw.between(...RAID))) {
        world.truth.machine(instance.machineId).touches.set("spot-notice", world.clock.monotonic());
        struck(world, kind, instance.machineId);
        cloud.takeBack(instance, draw);
      }
      return;
    case "template-deleted":
      struck(world, kind, "");
      cloud.deleteTemplates();
      return;
    case "instance-stray":
      addStray(world, value);
      return;
    case "clock-jump":
      world.jumpedMs += Math.round((value - 0.5) * 2 * HOUR_MS);
      struck(world, kind, "");
      return;
    case "manager-kill":
      struck(world, kind, "");
      killSoon(targets, draw, Math.round(100 * 36_000 ** value));
      return;
    case "manager-killed-twice":
      struck(world, kind, "");
      killSoon(targets, draw, Math.round(100 * 36_000 ** value));
      killSoon(targets, draw, 1_000);
      return;
    case "manager-stands-still":
      standStill(world, Math.round(5_000 * 180 ** value));
      return;
    case "manager-hand-over":
      struck(world, kind, "");
      targets.handOver();
      return;
    case "front-door-dies":
      onJob(world, kind, value, (job) => {
        if (job.plan.holder === "inside") return;
        job.isOrphaned = true;
        job.stop.abort(new Error("the front door died"));
      });
      return;
    case "front-door-cancels":
      onJob(world, kind, value, (job) => job.stop.abort(new Error("cancelled")));
      return;
    case "limits-changed":
      targets.atCall(draw.between(1, 20), draw.pick(MOMENTS), () => changeLimits(world, draw.chance(0.5), value));
      return;
    case "pool-reshaped":
      targets.atCall(draw.between(1, 20), draw.pick(MOMENTS), () => reshapePool(world, value));
      return;
    case "pool-removed":
      removePool(world, value, draw.between(1, 120) * 60_000);
      return;
    case "pool-cordoned":
    case "pool-drained":
      steer(world, kind, value, draw.between(1, 60) * 60_000);
      return;
    case "machine-ended":
      endMachine(world, value);
      return;
    case "burst":
      struck(world, kind, "");
      for (let index = 0; index < BURST_JOBS; index++) {
        const poolName = world.day.pools[Math.floor(value * world.day.pools.length)]?.name ?? "";
        const job = planJob(`burst-${index + 1}`, world.clock.monotonic(), poolName, draw);
        // A small pool cannot serve them all: most give up, which is cheaper to simulate than a day of waiting.
        const waitTimeoutMs = draw.between(BURST_WAIT_MS / 6, BURST_WAIT_MS);
        targets.startJob({ ...job, runMs: 5_000 + (job.runMs % 60_000), ttlMs: BURST_TTL_MS, waitTimeoutMs });
      }
      return;
    default:
      throw new Error(`fault ${kind} does not strike once`);
  }
}

/**
 * Kills the manager at one of its next port calls. One that is already waited for comes first: this is for the next manager then.
 * Half of the kills hit a launch or a termination, where the most is in the balance.
 */
function killSoon({ atCall, kill }: Pick<StrikeTargets, "atCall" | "kill">, draw: Draw, downMs: number): void {
  const port = draw.pick([undefined, undefined, "driver.launch", "driver.terminate"]);
  const calls = port === undefined ? draw.between(1, 40) : draw.between(1, 3);
  atCall(calls, draw.pick(MOMENTS), () => kill(downMs), port);
}

/** Five seconds to a quarter of an hour. What it had asked of others goes on meanwhile, and its deadlines pass. */
function standStill(world: World, forMs: number): void {
  const { process, clock, truth } = world;
  if (process === undefined) return;
  for (const { id, state } of truth.liveMachines.values())
    if (state === "requested") truth.machine(id).touches.set("manager-stands-still", clock.monotonic());
  struck(world, "manager-stands-still", `process-${process.number}`);
  process.pause();
  clock.schedule(forMs, () => {
    if (process.isAlive()) world.journal.note(`process-${process.number}`, "manager goes on");
    process.resume();
  });
}

function onJob(world: World, kind: FaultKind, value: number, strike: (job: LiveJob) => void): void {
  const open = world.jobs.filter((job) => job.end === undefined && !job.isTurnedAway && !job.isOrphaned);
  const job = open[Math.floor(value * open.length)];
  if (job === undefined) return;
  struck(world, kind, job.plan.name);
  strike(job);
}

function addStray(world: World, value: number): void {
  const machineId = machineIdFrom(`m-stray-${Math.floor(value * 1e9)}`);
  const poolName = world.day.pools[0]?.name ?? "";
  const instance = world.provider.driverSide.add({ owner: OWNER, token: `t-${machineId}`, machineId, poolName });
  world.truth.machine(machineId).instances.push(instance);
  world.hasStrays = true;
  struck(world, "instance-stray", machineId);
}
