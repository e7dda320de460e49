import type { FaultKind } from "../faults/kinds.ts";
import type { Fault } from "../faults/kinds.ts";
import { createActiveFaults } from "../faults/active.ts";
import { createVirtualClock } from "../clock.ts";
import { drawFor, mixed } from "../draw.ts";
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
import type { PortHook } from "../world/process.ts";
import { strikeOnce } from "../world/strikes.ts";
import type { StrikeTargets } from "../world/strikes.ts";
import { createTruth } from "../world/truth.ts";
import type { Violation, World } from "../world/world.ts";
import { quieten } from "./quieten.ts";

/** Monday, 1 January 2024, 00:00 UTC. */
const START_MS = Date.UTC(2024, 0, 1);
const MINUTE_MS = 60_000;

export interface DayOptions {
  readonly faults: readonly Fault[];
  readonly keepsJournal?: boolean | undefined;
  /** Kills the manager at these port calls, counted over the whole run from 1, each time starting another after 1 s. */
  readonly killAtCalls?: readonly number[] | undefined;
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
  readonly faults: ReadonlyMap<FaultKind, number>;
}

/** Lives through one day with its faults and the quiet after it. Stops at the first broken promise. */
export async function runDay(day: Day, options: DayOptions): Promise<DayResult> {
  const { faults, killAtCalls = [], lengthMs = DAY_MS } = options;
  const clock = createVirtualClock(START_MS);
  const random = createSeededRandom(mixed(day.seed, "ids"));
  const provider = createSimulatedProvider({ clock, random });
  const journal = createJournal(() => clock.monotonic(), options.keepsJournal ?? false);
  const kills = createKills(killAtCalls);
  let guests: WorldGuests | undefined;
  let targets: StrikeTargets | undefined;
  let tell: ((happening: Happening) => void) | undefined;
  const world: World = {
    ...{ day, clock, random, provider, journal },
    draw: drawFor(day.seed, "world"),
    truth: createTruth(() => clock.monotonic()),
    faults: createActiveFaults(clock, day.seed, faults, (strike) => targets && strikeOnce(targets, strike)),
    store: createMemoryStore(),
    guest: createSimulatedGuest({ clock, provider }, { bootMs: ({ host }) => guests?.bootMs(host) ?? 0 }),
    ...{ jobs: [], violations: [] },
    hook: (name, moment) => kills.hook(name, moment),
    tell(happening) {
      if (happening.what === "launched") guests?.boot(happening.instance);
      tell?.(happening);
    },
    desired: { pools: day.pools, maxMachines: day.maxMachines },
    ...{ jumpedMs: 0, manager: undefined, process: undefined, processCount: 0 },
    ...{ hasStrays: false, isStopping: false },
  };
  tell = createChecks(world);
  guests = createWorldGuests(world);
  const cloud = createCloud(world);
  targets = targetsFor(world, cloud, guests, kills);
  kills.onKill((downMs) => restartLater(world, cloud, targets?.guests, downMs));

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
  kills.stop();
  await quieten(world, () => {
    if (world.process === undefined && guests !== undefined) startManager(world, cloud, guests);
  });
  killManager(world);
  return resultFrom(world, kills.calls());
}

interface Kills {
  readonly hook: PortHook;
  arm(calls: number, moment: "before" | "after", downMs: number): void;
  onKill(kill: (downMs: number) => void): void;
  stop(): void;
  calls(): number;
}

/** Counts port calls and strikes at the one that was named. */
function createKills(killAtCalls: readonly number[]): Kills {
  let calls = 0;
  let kill: (downMs: number) => void = () => undefined;
  let armed: { left: number; readonly moment: "before" | "after"; readonly downMs: number } | undefined;
  const at = new Set(killAtCalls);

  return {
    calls: () => calls,
    arm(left, moment, downMs) {
      armed = { left, moment, downMs };
    },
    onKill(run) {
      kill = run;
    },
    stop() {
      armed = undefined;
      at.clear();
    },
    hook(_name, moment) {
      calls += 1;
      if (at.delete(calls)) return kill(1_000);
      if (armed?.moment !== moment) return;
      armed.left -= 1;
      if (armed.left > 0) return;
      const { downMs } = armed;
      armed = undefined;
      kill(downMs);
    },
  };
}

function targetsFor(world: World, cloud: Cloud, guests: WorldGuests, kills: Kills): StrikeTargets {
  return {
    ...{ world, cloud, guests },
    startJob(plan: PlannedJob) {
      const job = liveJobFrom(plan);
      world.jobs.push(job);
      world.journal.note(plan.name, `job comes to ${plan.poolName}`);
      void (plan.holder === "inside" ? submitJob(world, job) : liveFrontDoor(world, job));
    },
    killAfter: kills.arm,
    handOver() {
      restartLater(world, cloud, guests, 1_000);
    },
  };
}

function restartLater(world: World, cloud: Cloud, guests: WorldGuests | undefined, downMs: number): void {
  killManager(world);
  world.clock.schedule(downMs, () => {
    if (world.process === undefined && guests !== undefined) startManager(world, cloud, guests);
  });
}

function resultFrom(world: World, portCalls: number): DayResult {
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
    portCalls,
    faults: world.faults.counts,
  };
}
