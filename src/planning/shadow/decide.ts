import { machineIdFrom } from "../../domain/ids.ts";
import type { MachineId } from "../../domain/ids.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { budgetLeft } from "../cost/daySpend.ts";
import type { ObservedBudget, ObservedPool, ObservedTier } from "../observed.ts";
import { planPool } from "../plan.ts";
import type { Action } from "../plan.ts";
import { withoutOutdated } from "../rollover.ts";
import type { ShadowBook } from "./book.ts";
import { addMachine, bookedMachine, removeMachine, startMachine, stopMachine, turnDay } from "./machines.ts";
import { viewJobs } from "./queue.ts";
import type { ShadowSetting } from "./run.ts";

/** A plan that never converges would be a bug. */
const MAX_ROUNDS = 100;

/** The pool as a shadow wishes for it at this moment. */
export const desiredBy = (pool: DesiredPool, { level }: ShadowBook): DesiredPool => ({ ...pool, ...level });

/** What the planner is shown of a shadow. */
export function observedBy({ pool, bootMs, recipe }: ShadowSetting, book: ShadowBook): ObservedPool {
  const { machines, world, startedAt } = book;
  const { waiting } = viewJobs(book);
  return {
    machines: withoutOutdated(pool, machines),
    waitingLeases: waiting.length,
    waitingSince: waiting[0]?.readyAt ?? Infinity,
    mode: world.mode,
    launchesPausedUntil: world.launches ? 0 : Infinity,
    launchProblem: world.launches ? "" : "its pool cannot launch either",
    storeProblem: "",
    headroomOverall: Math.max(0, world.most - machines.length),
    reservedForOthers: 0,
    watchedSince: startedAt,
    budget: budgetBy(pool, book, bootMs),
    tier: recipe === undefined ? undefined : tierBy(recipe, book),
  };
}

const tierBy = (recipe: string, { world }: ShadowBook): ObservedTier => ({
  recipe,
  startsPausedUntil: world.starts ? 0 : Infinity,
  stopsPausedUntil: world.stops ? 0 : Infinity,
  stopProblem: "",
});

/** What a shadow's budget leaves of the day; undefined where it has none. */
export function budgetBy(pool: DesiredPool, book: ShadowBook, bootMs: number): ObservedBudget | undefined {
  if (pool.budgetUsdPerDay === undefined) return undefined;
  turnDay(book);
  const { endedUsd, jobMs = pool.jobTimeoutMs } = book.spend;
  return budgetLeft(pool, book.machines, endedUsd, { bootMs, jobMs }, book.at);
}

/** How long what a shadow's planner asks for takes, in milliseconds. */
export interface ShadowTimes {
  /** The next machine's boot, the next start of a stopped one, and the next stop. */
  nextBootMs(): number;
  nextStartMs(): number;
  nextStopMs(): number;
}

/** Has the planner decide for a shadow, until nothing is left to do. */
export function planShadow(setting: ShadowSetting, book: ShadowBook, times: ShadowTimes): void {
  const desired = desiredBy(setting.pool, book);
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const actions = planPool(desired, observedBy(setting, book), book.at);
    if (actions.length === 0) return;
    for (const action of actions) act(setting, book, action, times);
  }
  throw new Error(`the plan of a shadow of pool ${setting.pool.name} does not come to rest`);
}

function act(setting: ShadowSetting, book: ShadowBook, action: Action, times: ShadowTimes): void {
  switch (action.kind) {
    case "launch":
      for (let n = 0; n < action.count; n += 1) launch(setting, book, times.nextBootMs());
      break;
    case "stop":
      stopMachine(book, action.machineId, times.nextStopMs());
      break;
    case "start":
      startMachine(book, action.machineId, times.nextStartMs());
      break;
    case "terminate":
      retire(book, action.machineId);
      break;
  }
}

function launch({ pool, recipe }: ShadowSetting, book: ShadowBook, bootMs: number): void {
  book.madeMachines += 1;
  const id = machineIdFrom(`shadow-${book.madeMachines}`);
  addMachine(book, bookedMachine(id, pool, book.at, book.world.price, recipe));
  book.boots = [...book.boots, { id, readyAt: book.at + bootMs }];
  book.tally.launches += 1;
}

function retire(book: ShadowBook, id: MachineId): void {
  const job = book.jobs.find(({ machineId }) => machineId === id);
  if (job === undefined) book.tally.unused += 1;
  book.jobs = book.jobs.filter((one) => one !== job);
  removeMachine(book, id);
}
