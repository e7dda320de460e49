import type { EpochMs, MachineId } from "../domain/ids.ts";
import type { LiveMachine } from "../domain/machine.ts";
import { stricterMode } from "../domain/pool.ts";
import type { DesiredPool, GuestSettings, PoolMode } from "../domain/pool.ts";
import type { DriverName } from "../domain/shape.ts";
import { expectedUsdPerHour } from "../planning/cost/daySpend.ts";
import type { Channel } from "../ports/channel.ts";
import type { Clock } from "../ports/clock.ts";
import type { Driver } from "../ports/driver.ts";
import type { Guest } from "../ports/guest.ts";
import type { Logger } from "../ports/logger.ts";
import type { Random } from "../ports/random.ts";
import type { Store, TimelineEvent } from "../ports/store.ts";
import { createAttended } from "./leases/attended.ts";
import type { Attended } from "./leases/attended.ts";
import type { Budget } from "./provider/budget.ts";
import { createBroadcast } from "./state/broadcast.ts";
import type { Broadcast } from "./state/broadcast.ts";
import { createGuests } from "./health/guests.ts";
import type { Guests } from "./health/guests.ts";
import type { EarlyNotice } from "./provider/watch.ts";
import type { Doubt, Look, Stranger } from "./provider/looks.ts";
import { createSchedules } from "./schedules.ts";
import type { Schedules } from "./schedules.ts";
import { createPreloadBook } from "./preload/book.ts";
import type { PreloadBook } from "./preload/book.ts";
import { learnFrom } from "./learn.ts";
import { createSerial } from "./state/serial.ts";
import type { Serial } from "./state/serial.ts";
import { createFleetState } from "./state/state.ts";
import type { FleetState } from "./state/state.ts";
import { createSpendBook } from "./spend.ts";
import type { SpendBook } from "./spend.ts";
import { createShadowDesk } from "./shadow/desk.ts";
import type { ShadowDesk } from "./shadow/desk.ts";
import { createSteadyClock } from "./steadyClock.ts";
import { createPlanners } from "./target/planner.ts";
import type { Planners } from "./target/planner.ts";
import { createTaskSet } from "./tasks.ts";
import type { TaskSet } from "./tasks.ts";
import { createWaitBook } from "./leases/waits.ts";
import type { WaitBook } from "./leases/waits.ts";

/** What the operator wishes over all pools. */
export interface DesiredFleet {
  readonly pools: readonly DesiredPool[];
  /** Machines of all pools together, in any state but terminated, ≥ 1. */
  readonly maxMachines: number;
}

export interface FleetDeps {
  readonly store: Store;
  readonly drivers: ReadonlyMap<DriverName, Driver>;
  readonly guest: Guest;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Read anew on every pass. */
  readonly desired: () => DesiredFleet;
  /** The version of this manager: machines that another one told what to be are not kept stopped. @default "" */
  readonly version?: string | undefined;
  /** Why the host has no room for more machines; empty when it has. Read anew on every pass. @default always room */
  readonly spaceProblem?: (() => string) | undefined;
  /** Told of the channel of each machine that idles: what its job will need may be started there. @default nothing is */
  readonly onIdle?: ((channel: Channel) => void) | undefined;
  /** How often things are looked at though nothing tells to. @default 30 s, a minute, a minute */
  readonly pace?: Pace | undefined;
}

/** Longest pauses, in milliseconds: between two passes, two looks at a provider's list, and two probes of an idle machine. */
export interface Pace {
  readonly passMs: number;
  readonly lookMs: number;
  readonly probeMs: number;
}

/** Quick enough for a world in which anything may go wrong untold. News of any kind, and what comes due, are met at once. */
const DEFAULT_PACE: Pace = { passMs: 30_000, lookMs: 60_000, probeMs: 60_000 };

/** Everything that the parts of the control loop share. */
export interface Fleet {
  /** Its clock is steady: it shows no jump of the host's. */
  readonly deps: FleetDeps;
  readonly pace: Pace;
  /** The host's clock, for instants that others name. */
  readonly wallClock: Clock;
  readonly state: FleetState;
  readonly guests: Guests;
  readonly tasks: TaskSet;
  readonly changes: Broadcast;
  /** Every decision and its commit run inside; effects run outside. */
  readonly decide: Serial;
  /** Which sections of their schedules pools are in. */
  readonly schedules: Schedules;
  /** The planners of pools with a target. */
  readonly planners: Planners;
  /** Policies that are tried beside those of the pools. */
  readonly shadows: ShadowDesk;
  /** Where the waits of queued leases go. */
  readonly waits: WaitBook;
  /** What pools have spent today. */
  readonly spend: SpendBook;
  /** What is known of the images that machines fetch while they are idle, and the machines that do so now. */
  readonly preloads: PreloadBook;
  readonly preloading: Set<MachineId>;
  /** What each provider's calls may cost, by driver; made at the first call. */
  readonly budgets: Map<DriverName, Budget>;
  /** When a failed termination is tried again, and how often it failed. */
  readonly terminations: Map<MachineId, { readonly failures: number; readonly nextAt: EpochMs }>;
  /** Launches that are with their driver right now. */
  readonly launching: Set<MachineId>;
  /** Pools whose next launches wait for others to go out with, and since when. */
  readonly heldLaunches: Map<string, EpochMs>;
  /** When this manager stopped waiting for the answer to a launch that it did not get. */
  readonly launchEndedAt: Map<MachineId, EpochMs>;
  /** What the providers list, and what does not fit with what we know. */
  readonly looks: Map<DriverName, Look>;
  readonly doubts: Map<MachineId, Doubt>;
  readonly strangers: Map<string, Stranger>;
  /** Drivers whose list somebody waits for. */
  readonly wantedLooks: Set<DriverName>;
  /** Probes of a kept channel that failed in a row. */
  readonly failedProbes: Map<MachineId, number>;
  /** Leased machines that their provider will take back, and when their leases end for it. */
  readonly interruptions: Map<MachineId, { readonly endsAt: EpochMs; readonly detail: string }>;
  /** Notices of instances that no record has yet, by provider id: the launch that brought one may still be waiting for its address. */
  readonly earlyNotices: Map<string, EarlyNotice>;
  /** Who waits for a lease in this process right now, as a sign of life. */
  readonly attended: Attended;
  /** Why the store could not write what was last asked of it; empty when it could. Nothing is launched while it stands. */
  readonly storeProblem: string;
  /** No deadline of a machine or a lease counts from before this instant: nobody looked then. */
  watchedSince: EpochMs;
  /** An earlier manager left records: it may have called the providers a moment ago. */
  hasPast: boolean;
  /** A pass was asked for and has not begun. */
  isNudged: boolean;
  /** Nothing is launched or leased any more. */
  isClosing: boolean;
}

/** Key under which nudges of the loop are broadcast. */
export const NUDGE = "nudge";

/** Creates a fleet over its ports; nothing runs yet. */
export function createFleet(ports: FleetDeps): Fleet {
  const deps = { ...ports, clock: createSteadyClock(ports.clock) };
  const changes = createBroadcast();
  const usdPerHourOf = (poolName: string): number => {
    const pool = deps.desired().pools.find(({ name }) => name === poolName);
    return (pool && expectedUsdPerHour(pool, state.machines(poolName))) ?? 0;
  };
  const books = {
    ...{ planners: createPlanners(deps.logger), shadows: createShadowDesk(), waits: createWaitBook() },
    spend: createSpendBook(usdPerHourOf),
  };
  const state = createFleetState(deps.store, changes, deps.clock, (change, before) =>
    learnFrom(books, change, before, state.waitingCount, deps.clock.now()),
  );
  return {
    deps,
    pace: ports.pace ?? DEFAULT_PACE,
    wallClock: ports.clock,
    state,
    guests: createGuests(),
    tasks: createTaskSet(deps.logger),
    changes,
    decide: createSerial(),
    schedules: createSchedules(),
    ...books,
    preloads: createPreloadBook(),
    preloading: new Set(),
    budgets: new Map(),
    terminations: new Map(),
    launching: new Set(),
    heldLaunches: new Map(),
    launchEndedAt: new Map(),
    looks: new Map(),
    doubts: new Map(),
    strangers: new Map(),
    wantedLooks: new Set(),
    failedProbes: new Map(),
    interruptions: new Map(),
    earlyNotices: new Map(),
    attended: createAttended(),
    get storeProblem() {
      return state.problem();
    },
    watchedSince: deps.clock.now(),
    hasPast: false,
    isNudged: false,
    isClosing: false,
  };
}

/** Asks for the next pass now. */
export function nudge(fleet: Fleet): void {
  fleet.isNudged = true;
  fleet.changes.notify(NUDGE);
}

/** Key under which new looks at a driver's list are broadcast. */
export const lookKey = (name: DriverName): string => `look:${name}`;
/** Key under which wishes for such a look are broadcast. */
export const LOOK_WANTED = "look wanted";

/** Asks for a look at a provider's list before long. */
export function lookSoon(fleet: Fleet, name: DriverName): void {
  fleet.wantedLooks.add(name);
  fleet.changes.notify(LOOK_WANTED);
}

/** Finds a wished-for pool by name. */
export function desiredPool(fleet: Fleet, name: string): DesiredPool | undefined {
  return fleet.deps.desired().pools.find((pool) => pool.name === name);
}

/** How a machine's inside was set up; a record without it takes what its pool says now. */
export function guestSettingsOf(fleet: Fleet, machine: LiveMachine): GuestSettings | undefined {
  const recorded = machine.state === "terminating" ? undefined : machine.guestSettings;
  return recorded ?? desiredPool(fleet, machine.poolName)?.guest;
}

/** What a pool may do now: as it was steered, and nothing new once the manager is stopping. */
export function modeOf(fleet: Fleet, poolName: string): PoolMode {
  return stricterMode(fleet.state.mode(poolName), fleet.isClosing ? "draining" : "open");
}

/** Finds the driver of a machine. @throws Error when the manager was composed without it, which is a bug. */
export function driverOf(fleet: Fleet, name: DriverName): Driver {
  const driver = fleet.deps.drivers.get(name);
  if (driver === undefined) throw new Error(`no driver "${name}" in this manager`);
  return driver;
}

/** Makes a timeline entry, stamped now. */
export function eventOf(fleet: Fleet, event: Omit<TimelineEvent, "at">): { kind: "event"; event: TimelineEvent } {
  return { kind: "event", event: { at: fleet.deps.clock.now(), ...event } };
}
