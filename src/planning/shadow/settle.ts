import type { EpochMs, MachineId } from "../../domain/ids.ts";
import type { LiveMachine } from "../../domain/machine.ts";
import { leaseIdFrom } from "../../domain/ids.ts";
import { idleFrom, leasedFrom } from "../../domain/moves.ts";
import { costWithin, meanJobMs, midnightBefore } from "../cost/daySpend.ts";
import { censusOf } from "../census.ts";
import { leasableMachines } from "../observed.ts";
import { isWaiting } from "./book.ts";
import type { ShadowBook, ShadowJob } from "./book.ts";
import { countServed } from "./tally.ts";

const NOWHERE = { host: "", port: 0 };

/** Told of each job that gets a machine, and of its wait in milliseconds. */
export type OnServed = (job: ShadowJob, waitMs: number) => void;

/** When something is due in a book by what is known already: a boot, or the end of a job. Infinity for never. */
export function nextEventAt({ boots, jobs }: ShadowBook): EpochMs {
  let first = Infinity;
  for (const { readyAt } of boots) first = Math.min(first, readyAt);
  for (const job of jobs) first = Math.min(first, endOf(job));
  return first;
}

/**
 * When a job leaves its machine of the shadow: as long after it got it as in the real pool, and no sooner than its end was known.
 * Infinity while that is not known, or it has none.
 */
const endOf = ({ heldAt, endedAt, ranMs = 0 }: ShadowJob): EpochMs =>
  heldAt === undefined || endedAt === undefined ? Infinity : Math.max(endedAt, heldAt + ranMs);

/** Lets time go by in a book, of which nothing is due before then. */
export function moveTo(book: ShadowBook, to: EpochMs): void {
  const passedMs = Math.max(0, to - book.at);
  if (passedMs > 0) {
    const { counts } = censusOf(book.machines);
    book.tally.idleMs += counts.idle * passedMs;
    book.tally.bootingMs += counts.booting * passedMs;
    book.tally.busyMs += counts.leased * passedMs;
  }
  book.at = Math.max(book.at, to);
}

/** Ends the boots and the jobs of a book that are due by now, and gives machines to those who wait. */
export function settle(book: ShadowBook, aimMs: number, onServed: OnServed = () => undefined): void {
  const ready = new Set(book.boots.filter(({ readyAt }) => readyAt <= book.at).map(({ id }) => id));
  if (ready.size > 0) {
    book.boots = book.boots.filter(({ id }) => !ready.has(id));
    book.machines = book.machines.map((machine) =>
      machine.state === "booting" && ready.has(machine.id) ? idleFrom(machine, NOWHERE, book.at) : machine,
    );
  }
  for (const job of book.jobs) if (endOf(job) <= book.at) endJob(book, job);
  assign(book, aimMs, onServed);
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

/** Takes a machine out of a book, with what it has cost. */
export function removeMachine(book: ShadowBook, id: MachineId): void {
  const machine = book.machines.find((one) => one.id === id);
  if (machine === undefined) return;
  turnDay(book);
  book.spend.endedUsd += costWithin(machine, book.spend.midnight, book.at);
  book.machines = book.machines.filter((one) => one !== machine);
  book.boots = book.boots.filter((boot) => boot.id !== id);
}

/** Begins a new day's spending when there is one. */
export function turnDay({ spend, at }: ShadowBook): void {
  const midnight = midnightBefore(at);
  if (spend.midnight !== midnight) Object.assign(spend, { midnight, endedUsd: 0 });
}

function assign(book: ShadowBook, aimMs: number, onServed: OnServed): void {
  if (book.world.mode !== "open") return;
  const idle = leasableMachines(book.machines);
  if (idle.length === 0) return;
  const waiting = queueOf(book);
  const given = new Map<MachineId, LiveMachine>();
  for (const [place, job] of waiting.slice(0, idle.length).entries()) {
    const machine = idle[place];
    if (machine === undefined) continue;
    given.set(machine.id, leasedFrom(machine, leaseIdFrom(`shadow-${job.no}`), book.at));
    Object.assign(job, { heldAt: book.at, machineId: machine.id });
    countServed(book.tally, book.at - job.readyAt, aimMs);
    onServed(job, book.at - job.readyAt);
    compare(book, job);
  }
  book.machines = book.machines.map((machine) => given.get(machine.id) ?? machine);
}

/** Who waits, in the order in which machines are given. */
export const queueOf = ({ jobs }: ShadowBook): ShadowJob[] =>
  jobs.filter(isWaiting).sort((a, b) => b.priority - a.priority || a.no - b.no);

/** Holds a job's wait against that in the real pool, once both are known. */
export function compare({ compared }: ShadowBook, { heldAt, readyAt, actingWaitMs }: ShadowJob): void {
  if (heldAt === undefined || actingWaitMs === undefined) return;
  const savedMs = actingWaitMs - (heldAt - readyAt);
  compared.jobs += 1;
  if (savedMs > 0) compared.savedMs += savedMs;
  else compared.addedMs -= savedMs;
}
