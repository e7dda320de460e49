import type { EpochMs } from "../../domain/ids.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import type { Arrivals } from "../../planning/capacity/arrivals.ts";
import type { Outcome } from "../../planning/capacity/outcome.ts";
import type { LevelPolicy } from "../../planning/capacity/replay.ts";
import { adoptFleet } from "../../pool/adopt.ts";
import { createFleet } from "../../pool/fleet.ts";
import { createLeases } from "../../pool/leases/leases.ts";
import { startLoop } from "../../pool/loop.ts";
import type { Logger } from "../../ports/logger.ts";
import type { Random } from "../../ports/random.ts";
import type { Change } from "../../ports/store.ts";
import { createVirtualClock } from "../clock.ts";
import { createTraceMachines } from "./machines.ts";
import { learntMemories } from "./learnt.ts";
import { createForgetfulStore } from "./store.ts";
import { createTally } from "./tally.ts";

/** How a trace goes through the control loop. */
export interface LoopSettings {
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** Boot time of the n-th machine ordered, in whole milliseconds. Those that the pool keeps from the beginning stand ready. */
  readonly bootMsOf: (order: number) => number;
  /** What the operator wishes; its limits hold. */
  readonly pool: DesiredPool;
  /** When jobs came before, in epoch milliseconds, oldest first: what the pool's own planner has learnt from, if it has one. @default nothing */
  readonly before?: Float64Array | undefined;
  /** Decides the pool's idle_count at every moment, where it is to be none of the pool's own. */
  readonly policy?: LevelPolicy | undefined;
  /** How much of the trace is over, 0-1; told now and then. */
  readonly onFraction: (fraction: number) => void;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** No lease lapses and no wait is given up within any trace. */
const FOREVER_MS = 1e13;
/** A turn of the event loop costs as much as many steps, and a replay waits for nothing outside its clock. */
const STEPS_PER_TURN = 64;
/** When no machine works for so long once the trace is over, none ever will: each midnight brings a budget anew. */
const STANDSTILL_MS = 2 * DAY_MS;

/**
 * Replays arrivals through the manager's own control loop under a virtual clock: every job asks for a lease when it becomes ready
 * and holds its machine for as long as it ran. Instants are rounded to milliseconds, as the loop's own clock is. Jobs for which there
 * never is a machine, since a budget pays for none, have waited until that is clear.
 * One at a time: while it lasts, errors of this thread do not tell where they came from.
 * @throws the signal's reason; Error when the loop reported an error, which is a bug.
 */
export async function replayLoop(arrivals: Arrivals, settings: LoopSettings, signal: AbortSignal): Promise<Outcome> {
  const frames = Error.stackTraceLimit;
  // Every machine that is let go of tells its holder so by an error, which nobody reads here.
  Error.stackTraceLimit = 0;
  try {
    return await replay(arrivals, settings, signal);
  } finally {
    Error.stackTraceLimit = frames;
  }
}

async function replay(arrivals: Arrivals, settings: LoopSettings, signal: AbortSignal): Promise<Outcome> {
  const { to, bootMsOf, onFraction } = settings;
  const from = Math.round(settings.from);
  const readyAt = arrivals.readyAt.map(Math.round);
  const jobs = readyAt.length;
  const waitMs = new Float64Array(jobs);
  const clock = createVirtualClock(from, STEPS_PER_TURN);
  const tally = createTally(clock.now, from, to);
  let [next, served, ordered, workedAt, isStarted] = [0, 0, 0, from, false];

  const see = (change: Change): void => {
    tally.see(change);
    if (change.kind !== "lease" || change.lease.state !== "held") return;
    const { id, holder } = change.lease;
    const job = Number(holder);
    waitMs[job] = clock.now() - (readyAt[job] ?? 0);
    served += 1;
    const runMs = Math.round(arrivals.durationMs[job] ?? 0);
    clock.schedule(runMs, () => {
      workedAt = clock.now();
      void leases.release(id, "released", "its job is over");
    });
  };
  const machines = createTraceMachines(clock, () => (isStarted ? Math.round(bootMsOf(ordered++)) : 0));
  const errors: unknown[] = [];
  const poolAt = wishing(settings, () => ({ now: clock.now(), inUse: tally.leased(), arrived: next, served, waitMs }));
  const isAsked = settings.policy !== undefined || settings.pool.target !== undefined;
  const fleet = createFleet({
    store: createForgetfulStore(see, { memories: learntMemories(settings) }),
    drivers: new Map([[machines.driver.name, machines.driver]]),
    ...{ guest: machines.guest, clock, random: createCounter(), logger: loggerInto(errors) },
    desired: () => ({ pools: [poolAt()], maxMachines: settings.pool.maxMachines }),
    // Nothing happens here untold: only a policy, or a target, wants to be asked though nothing does.
    pace: { passMs: isAsked ? MINUTE_MS : DAY_MS, lookMs: DAY_MS, probeMs: DAY_MS },
  });
  const leases = createLeases(fleet);
  const request = (job: number): void => {
    const asked = { poolName: settings.pool.name, holder: String(job), ttlMs: FOREVER_MS, waitTimeoutMs: FOREVER_MS };
    leases.request(asked).catch((error: unknown) => errors.push(error));
  };
  const arrive = (): void => {
    while (next < jobs && (readyAt[next] ?? 0) <= clock.now()) request(next++);
    if (next < jobs) clock.schedule((readyAt[next] ?? 0) - clock.now(), arrive);
  };

  await adoptFleet(fleet);
  const loop = startLoop(fleet);
  await clock.advance(0);
  isStarted = true;
  arrive();
  const isStill = (): boolean => tally.leased() === 0 && clock.now() - Math.max(to, workedAt) >= STANDSTILL_MS;
  while (clock.now() < to || (served < jobs && !isStill())) {
    await clock.advance(Math.max(1, Math.min(DAY_MS, clock.now() < to ? to - clock.now() : DAY_MS)));
    signal.throwIfAborted();
    if (errors.length > 0) throw new Error("the control loop failed in a replay", { cause: errors[0] });
    onFraction(Math.min(1, (clock.now() - from) / (to - from)));
  }
  await loop.handOver();
  for (let job = served; job < jobs; job += 1) waitMs[job] = clock.now() - (readyAt[job] ?? 0);
  return { jobs, waitMs, ...tally.finish() };
}

/** The pool as it wishes to be at each moment. One answer for one moment: a pass must not see two. */
function wishing({ pool, policy }: LoopSettings, momentNow: () => Parameters<LevelPolicy>[0]): () => DesiredPool {
  if (policy === undefined) return () => pool;
  let [known, wished] = ["", pool];
  return () => {
    const moment = momentNow();
    const key = `${moment.now} ${moment.inUse} ${moment.arrived} ${moment.served}`;
    if (key === known) return wished;
    known = key;
    const idleCount = policy(moment);
    if (idleCount !== wished.idleCount) wished = { ...pool, idleCount };
    return wished;
  };
}

/** Names that are only different: none is a secret here. */
function createCounter(): Random {
  let count = 0;
  return { fraction: () => 0.5, id: (prefix) => `${prefix}-${++count}` };
}

function loggerInto(errors: unknown[]): Logger {
  const logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (fields) => void errors.push((fields as { readonly err?: unknown }).err ?? fields),
    child: () => logger,
  };
  return logger;
}
