import type { EpochMs } from "../../domain/ids.ts";
import { createBroadcast } from "../../pool/state/broadcast.ts";
import type { FaultKind } from "../faults/kinds.ts";
import type { Fault } from "../faults/kinds.ts";
import { createActiveFaults } from "../faults/active.ts";
import { createVirtualClock } from "../clock.ts";
import { drawFor, mixed } from "../draw.ts";
import { createEc2Cloud } from "../ec2/cloud.ts";
import { ec2ProviderFrom } from "../ec2/site.ts";
import { createSimulatedGuest } from "../guest.ts";
import { createChecks } from "../invariants/all.ts";
import { createSimulatedProvider } from "../provider.ts";
import { createSeededRandom } from "../random.ts";
import { createMemoryStore } from "../store.ts";
import { createCloud } from "../world/cloud.ts";
import type { Cloud } from "../world/cloud.ts";
import { DAY_MS } from "../world/day.ts";
import type { Day, PlannedJob } from "../world/day.ts";
import { liveFrontDoor } from "../world/frontDoor.ts";
import { createWorldGuests } from "../world/guests.ts";
import type { WorldGuests } from "../world/guests.ts";
import type { Happening } from "../world/happening.ts";
import { submitJob } from "../world/insideJobs.ts";
import { liveJobFrom } from "../world/job.ts";
import { createJournal } from "../world/journal.ts";
import type { JournalLine } from "../world/journal.ts";
import { killManager, startManager } from "../world/manager.ts";
import { strikeOnce } from "../world/strikes.ts";
import type { StrikeTargets } from "../world/strikes.ts";
import { createTruth } from "../world/truth.ts";
import type { Violation, World } from "../world/world.ts";
import { countPortCalls } from "./portCalls.ts";
import type { Kill, PortCalls } from "./portCalls.ts";
import { quieten } from "./quieten.ts";

/** Monday, 1 January 2024, 00:00 UTC. */
const START_MS = Date.UTC(2024, 0, 1);
const MINUTE_MS = 60_000;
/** A turn of the event loop costs as much as many steps, and a simulated day waits for nothing outside its clock. */
const STEPS_PER_TURN = 64;

export interface DayOptions {
  readonly faults: readonly Fault[];
  readonly keepsJournal?: boolean | undefined;
  /**
   * Kills the manager at these port calls, each time starting another after 1 s. Counted over the whole run from 1; the moments
   * before and after a call's effect count apart.
   */
  readonly killAtCalls?: readonly number[] | undefined;
  /** Puts something between the manager and its ports: for tests of the checks, which must see it break its promises. */
  readonly portsOf?: World["portsOf"] | undefined;
  /** When the day begins. @default Monday, 1 January 2024, 00:00 UTC */
  readonly startMs?: EpochMs | undefined;
  /** How long jobs come and faults strike. @default one day */
  readonly lengthMs?: number | undefined;
}

/** What one simulated day came to. */
export interface DayResult {
  readonly violations: readonly Violation[];
  readonly hash: string;
  readonly lines: readonly JournalLine[];
  readonly machineMs: number;
  readonly machines: number;
  readonly jobs: number;
  readonly jobsServed: number;
  readonly processes: number;
  readonly portCalls: number;
  /** Of these, those until the faults were over. */
  readonly portCallsOfDay: number;
  /** How often each port answered. */
  readonly callsByPort: ReadonlyMap<string, number>;
  /** Where managers were killed. */
  readonly kills: readonly Kill[];
  readonly faults: ReadonlyMap<FaultKind, number>;
}

/**
 * Lives through one day with its faults and the quiet after it. Stops at the first broken promise. One day at a time: while it
 * lasts, errors of this thread tell where they came from only when the journal is kept.
 */
export async function runDay(day: Day, options: DayOptions): Promise<DayResult> {
  const frames = Error.stackTraceLimit;
  // Nearly all errors of a day are played ones: to write down where each was made takes a quarter of all time.
  if (options.keepsJournal !== true) Error.stackTraceLimit = 0;
  try {
    return await liveDay(day, options);
  } finally {
    Error.stackTraceLimit = frames;
  }
}

async function liveDay(day: Day, options: DayOptions): Promise<DayResult> {
  const { faults, killAtCalls = [], lengthMs = DAY_MS, portsOf = (ports) => ports, startMs = START_MS } = options;
  const clock = createVirtualClock(startMs, STEPS_PER_TURN);
  const random = createSeededRandom(mixed(day.seed, "ids"));
  const { ec2 } = day.provider;
  const provider = createSimulatedProvider({ clock, random }, ec2 === undefined ? {} : ec2ProviderFrom(ec2));
  const journal = createJournal(() => clock.monotonic(), options.keepsJournal ?? false);
  const calls = countPortCalls(killAtCalls);
  let guests: WorldGuests | undefined;
  let targets: StrikeTargets | undefined;
  let tell: ((happening: Happening) => void) | undefined;
  const world: World = {
    ...{ day, clock, random, provider, journal },
    draw: drawFor(day.seed, "world"),
    truth: createTruth(() => clock.monotonic()),
    faults: createActiveFaults(
      clock,
      day.seed,
      faults,
      (strike) => targets === undefined || strikeOnce(targets, strike),
    ),
    store: createMemoryStore(),
    guest: createSimulatedGuest({ clock, provider }, { bootMs: ({ host }) => guests?.bootMs(host) ?? 0 }),
    ...{ jobs: [], violations: [], serving: createBroadcast() },
    hook: calls.hook,
    portsOf,
    tell(happening) {
      if (happening.what === "launched" || happening.what === "started") guests?.boot(happening.instance);
      tell?.(happening);
    },
    desired: { pools: day.pools, maxMachines: day.maxMachines },
    ...{ jumpedMs: 0, manager: undefined, process: undefined, processCount: 0 },
    ...{ hasStrays: false, isStopping: false },
  };
  tell = createChecks(world);
  guests = createWorldGuests(world);
  const cloud = ec2 === undefined ? createCloud(world) : createEc2Cloud(world);
  targets = targetsFor(world, cloud, guests, calls);
  calls.onKill(() => targets?.kill(1_000));

  startManager(world, cloud, guests);
  for (const plan of day.jobs) clock.schedule(plan.atMs, () => targets?.startJob(plan));
  const tick = (): void => {
    world.tell({ what: "minute" });
    clock.schedule(MINUTE_MS, tick);
  };
  clock.schedule(MINUTE_MS, tick);
  const isOver = (): boolean => clock.monotonic() >= lengthMs || world.violations.length > 0;
  clock.schedule(lengthMs, () => undefined);
  await clock.advanceUntil(isOver, lengthMs);
  calls.stop();
  const portCallsOfDay = calls.total();
  await quieten(world, () => {
    if (world.process === undefined && guests !== undefined) startManager(world, cloud, guests);
  });
  killManager(world);
  return resultFrom(world, calls, portCallsOfDay);
}

function targetsFor(world: World, cloud: Cloud, guests: WorldGuests, calls: PortCalls): StrikeTargets {
  return {
    ...{ world, cloud, guests },
    startJob(plan: PlannedJob) {
      const job = liveJobFrom(plan);
      world.jobs.push(job);
      world.journal.note(plan.name, `job comes to ${plan.poolName}`);
      void (plan.holder === "inside" ? submitJob(world, job) : liveFrontDoor(world, job));
    },
    atCall: calls.at,
    kill(downMs) {
      calls.noteKill();
      restartLater(world, cloud, guests, downMs);
    },
    handOver: () => handOver(world, () => restartLater(world, cloud, guests, 1_000)),
  };
}

function restartLater(world: World, cloud: Cloud, guests: WorldGuests, downMs: number): void {
  killManager(world);
  world.clock.schedule(downMs, () => {
    if (world.process === undefined) startManager(world, cloud, guests);
  });
}

/** Lets the manager stop in good order, answering nobody new, before the next one starts. One that does not serve yet is killed. */
function handOver(world: World, startNext: () => void): void {
  const { manager, process } = world;
  if (manager === undefined) {
    startNext();
    return;
  }
  world.manager = undefined;
  world.journal.note(`process-${process?.number}`, "manager hands over");
  const isStill = (): boolean => world.process === process;
  manager.loop.handOver().then(
    () => {
      if (isStill()) startNext();
    },
    (error: unknown) => world.tell({ what: "error-logged", text: `the manager did not hand over: ${error}` }),
  );
}

function resultFrom(world: World, calls: PortCalls, portCallsOfDay: number): DayResult {
  const { journal, truth, clock, jobs } = world;
  const instances = [...truth.machines.values()].flatMap((machine) => machine.instances);
  const machineMs = instances.reduce((sum, { launchedAt, goneAt }) => sum + ((goneAt ?? clock.now()) - launchedAt), 0);
  return {
    violations: world.violations,
    hash: journal.hash(),
    lines: journal.lines,
    machineMs,
    machines: instances.length,
    jobs: jobs.length,
    jobsServed: jobs.filter(({ end }) => end === "success").length,
    processes: world.processCount,
    portCalls: calls.total(),
    portCallsOfDay,
    callsByPort: calls.byPort,
    kills: calls.kills,
    faults: world.faults.counts,
  };
}
