import type { EpochMs } from "../../domain/ids.ts";
import type { LiveMachine } from "../../domain/machine.ts";
import { leaseIdFrom } from "../../domain/ids.ts";
import { leasedFrom } from "../../domain/moves.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { meanJobMs } from "../cost/daySpend.ts";
import { countByState, leasableMachines } from "../observed.ts";
import { isAnyOutdated, isOutdated } from "../rollover.ts";
import type { ShadowBook, ShadowJob } from "./book.ts";
import { bringMachinesOn, removeMachine, replaceMachine } from "./machines.ts";
import { endOf, renewJobs, viewJobs } from "./queue.ts";
import { countServed } from "./tally.ts";

/** Told of each job that gets a machine, and of its wait in milliseconds. */
export type OnServed = (job: ShadowJob, waitMs: number) => void;

/** When something is due in a book by what is known already: a boot, a stop, or the end of a job. Infinity for never. */
export function nextEventAt(book: ShadowBook): EpochMs {
  const { boots, stops } = book;
  let first = viewJobs(book).firstEndAt;
  for (const { stoppedAt } of stops) first = Math.min(first, stoppedAt);
  for (const { readyAt } of boots) first = Math.min(first, readyAt);
  return first;
}

/** Lets time go by in a book, of which nothing is due before then. */
export function moveTo(book: ShadowBook, to: EpochMs): void {
  const passedMs = Math.max(0, to - book.at);
  if (passedMs > 0) {
    const { idle, booting, starting, leased, stopping, stopped } = countByState(book.machines);
    book.tally.idleMs += idle * passedMs;
    book.tally.bootingMs += (booting + starting) * passedMs;
    book.tally.busyMs += leased * passedMs;
    book.tally.stoppedMs += (stopping + stopped) * passedMs;
  }
  book.at = Math.max(book.at, to);
}

/** Ends the boots, the stops and the jobs of a book that are due by now, and gives machines to those who wait. */
export function settle(pool: DesiredPool, book: ShadowBook, aimMs: number, onServed: OnServed = () => undefined): void {
  bringMachinesOn(book);
  if (viewJobs(book).firstEndAt <= book.at) for (const job of book.jobs) if (endOf(job) <= book.at) endJob(book, job);
  assign(pool, book, aimMs, onServed);
}

function endJob(book: ShadowBook, job: ShadowJob): void {
  const { heldAt = book.at, ranMs } = job;
  // What it had its machine for beyond its own length was only the wait for the news of its end.
  if (ranMs !== undefined) {
    book.tally.busyMs -= book.at - heldAt - ranMs;
    book.spend.jobMs = meanJobMs(book.spend.jobMs, ranMs);
  }
  book.jobs = book.jobs.filter((one) => one !== job);
  if (job.machineId !== undefined) removeMachine(book, job.machineId);
}

function assign(pool: DesiredPool, book: ShadowBook, aimMs: number, onServed: OnServed): void {
  if (book.world.mode !== "open") return;
  const { waiting } = viewJobs(book);
  if (waiting.length === 0) return;
  const idle = idleInTurn(pool, book.machines);
  if (idle.length === 0) return;
  for (const [place, job] of waiting.slice(0, idle.length).entries()) {
    const machine = idle[place];
    if (machine === undefined) continue;
    replaceMachine(book, machine, leasedFrom(machine, leaseIdFrom(`shadow-${job.no}`), book.at));
    Object.assign(job, { heldAt: book.at, machineId: machine.id });
    countServed(book.tally, book.at - job.readyAt, aimMs);
    onServed(job, book.at - job.readyAt);
    compare(book, job);
  }
  renewJobs(book);
}

/** Those that the pool makes otherwise by now are given last. */
const idleInTurn = (pool: DesiredPool, machines: readonly LiveMachine[]) =>
  isAnyOutdated(pool, machines)
    ? leasableMachines(machines).toSorted((a, b) => Number(isOutdated(pool, a)) - Number(isOutdated(pool, b)))
    : leasableMachines(machines);

/** Holds a job's wait against that in the real pool, once both are known. */
export function compare({ compared }: ShadowBook, { heldAt, readyAt, actingWaitMs }: ShadowJob): void {
  if (heldAt === undefined || actingWaitMs === undefined) return;
  const savedMs = actingWaitMs - (heldAt - readyAt);
  compared.jobs += 1;
  if (savedMs > 0) compared.savedMs += savedMs;
  else compared.addedMs -= savedMs;
}
