import { machineIdFrom } from "../../domain/ids.ts";
import type { EpochMs, MachineId } from "../../domain/ids.ts";
import type { LiveMachine, MachineIn } from "../../domain/machine.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { budgetLeft } from "../cost/daySpend.ts";
import type { ObservedBudget, ObservedPool } from "../observed.ts";
import { planPool } from "../plan.ts";
import { isWaiting } from "./book.ts";
import type { ShadowBook } from "./book.ts";
import { removeMachine, turnDay } from "./settle.ts";

/** A plan that never converges would be a bug. */
const MAX_ROUNDS = 100;

/** The pool as a shadow wishes for it at this moment. */
export const desiredBy = (pool: DesiredPool, { level }: ShadowBook): DesiredPool => ({ ...pool, ...level });

/** What the planner is shown of a shadow. @param bootMs what a boot is planned to take */
export function observedBy(pool: DesiredPool, book: ShadowBook, bootMs: number): ObservedPool {
  const { machines, world, startedAt } = book;
  const waiting = book.jobs.filter(isWaiting);
  return {
    machines,
    waitingLeases: waiting.length,
    waitingSince: waiting[0]?.readyAt ?? Infinity,
    mode: world.mode,
    launchesPausedUntil: world.launches ? 0 : Infinity,
    ...{ launchProblem: "", storeProblem: "" },
    headroomOverall: Math.max(0, world.most - machines.length),
    reservedForOthers: 0,
    watchedSince: startedAt,
    budget: budgetBy(pool, book, bootMs),
  };
}

/** What a shadow's budget leaves of the day; undefined where it has none. */
export function budgetBy(pool: DesiredPool, book: ShadowBook, bootMs: number): ObservedBudget | undefined {
  if (pool.budgetUsdPerDay === undefined) return undefined;
  turnDay(book);
  const { endedUsd, jobMs = pool.jobTimeoutMs } = book.spend;
  return budgetLeft(pool, book.machines, endedUsd, { bootMs, jobMs }, book.at);
}

/** Has the planner decide for a shadow, until nothing is left to do. @param nextBootMs how long the next machine boots, in milliseconds */
export function planShadow(pool: DesiredPool, book: ShadowBook, bootMs: number, nextBootMs: () => number): void {
  const desired = desiredBy(pool, book);
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const actions = planPool(desired, observedBy(pool, book, bootMs), book.at);
    if (actions.length === 0) return;
    for (const action of actions) {
      if (action.kind === "launch") for (let n = 0; n < action.count; n += 1) launch(pool, book, nextBootMs());
      else if (action.kind === "terminate") retire(book, action.machineId);
    }
  }
  throw new Error(`the plan of a shadow of pool ${pool.name} does not come to rest`);
}

function launch({ name, shape }: DesiredPool, book: ShadowBook, bootMs: number): void {
  book.madeMachines += 1;
  const id = machineIdFrom(`shadow-${book.madeMachines}`);
  book.machines = [...book.machines, bootingMachine(id, name, shape.driver, book.at, book.world.price)];
  book.boots = [...book.boots, { id, readyAt: book.at + bootMs }];
  book.tally.launches += 1;
}

/** A machine that is there in a book alone. */
export const bootingMachine = (
  id: MachineId,
  poolName: string,
  driver: LiveMachine["driver"],
  at: EpochMs,
  price: LiveMachine["price"],
): MachineIn<"booting"> => ({
  ...{ id, poolName, driver, price, launchToken: "", requestedAt: at, isCordoned: false },
  ...{ state: "booting", providerId: id, launchedAt: at },
});

function retire(book: ShadowBook, id: MachineId): void {
  const job = book.jobs.find(({ machineId }) => machineId === id);
  if (job === undefined) book.tally.unused += 1;
  book.jobs = book.jobs.filter((one) => one !== job);
  removeMachine(book, id);
}
