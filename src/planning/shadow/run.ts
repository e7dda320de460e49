import type { EpochMs } from "../../domain/ids.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { nextDueAt } from "../due.ts";
import { MAX_WAITING, isWaiting } from "./book.ts";
import type { ShadowBook, ShadowInput, ShadowJob, ShadowLevel } from "./book.ts";
import { desiredBy, observedBy, planShadow } from "./decide.ts";
import { compare, moveTo, nextEventAt, queueOf, settle } from "./settle.ts";
import type { OnServed } from "./settle.ts";

/** What decides in a shadow: its policy while it runs, what was written of it when it is replayed. */
export interface ShadowMind {
  /** The level from this moment on. Asked once things have settled, before the planner is. */
  levelAt(book: ShadowBook): ShadowLevel;
  /** When the level changes by the passing of time alone; Infinity for never. */
  changesAt(): EpochMs;
  /** How long the next machine boots. In milliseconds. */
  nextBootMs(): number;
  /** Told of each job that gets a machine of the shadow. */
  readonly onServed?: OnServed | undefined;
  /** Told of what was heard when time has come to it, before anything comes of it. */
  readonly onTaken?: ((input: ShadowInput) => void) | undefined;
}

/** How a shadow is run, beside what decides in it. */
export interface ShadowSetting {
  /** The pool with the shadow's policy in the place of its own. */
  readonly pool: DesiredPool;
  /** A job is in time when it waited no longer, in milliseconds. */
  readonly aimMs: number;
  /** What a boot is planned to take, in milliseconds, > 0. */
  readonly bootMs: number;
}

/** Things that happen in a book between two moments of the real pool; more would never come to an end. */
const MAX_STEPS = 1_000_000;

/** Brings a book up to a moment: boots and jobs end, and machines are launched and retired, each at its own instant. */
export function advance(setting: ShadowSetting, book: ShadowBook, to: EpochMs, mind: ShadowMind): void {
  for (let steps = 0; steps < MAX_STEPS; steps += 1) {
    const at = nextAt(setting, book, mind);
    moveTo(book, Math.min(at, to));
    if (at > to) return;
    decide(setting, book, mind);
  }
  throw new Error(`a shadow of pool ${setting.pool.name} does not come to rest`);
}

/** Brings a book up to a moment, and has the policy and the planner look at it then, whether or not something is due. */
export function look(setting: ShadowSetting, book: ShadowBook, at: EpochMs, mind: ShadowMind): void {
  advance(setting, book, at, mind);
  decide(setting, book, mind);
}

/**
 * The same for a shadow that runs: writes that it was looked at where something came of that.
 * @param inputs what is written of it, among which its mind writes what it wishes for
 */
export function visit(
  setting: ShadowSetting,
  book: ShadowBook,
  at: EpochMs,
  mind: ShadowMind,
  inputs: ShadowInput[],
): void {
  advance(setting, book, at, mind);
  const [place, machines] = [inputs.length, book.machines];
  decide(setting, book, mind);
  if (book.machines !== machines) inputs.splice(place, 0, { kind: "look", at: book.at });
}

/** Takes in what was heard. What is older than the book counts as of now. */
export function take(setting: ShadowSetting, book: ShadowBook, input: ShadowInput, mind: ShadowMind): void {
  advance(setting, book, input.at, mind);
  mind.onTaken?.(input);
  switch (input.kind) {
    case "job": {
      const { no, priority, readyAt } = input;
      book.jobs = [...book.jobs, { no, priority, readyAt: Math.min(readyAt, book.at) }];
      book.tally.jobs += 1;
      if (book.jobs.filter(isWaiting).length > MAX_WAITING)
        throw new Error(`more than ${MAX_WAITING} jobs would wait under this policy`);
      break;
    }
    case "served": {
      const job = jobIn(book, input.no);
      if (job === undefined || job.actingWaitMs !== undefined) return;
      job.actingWaitMs = input.waitMs;
      compare(book, job);
      break;
    }
    case "ended":
      endInPool(book, input);
      break;
    case "world":
      book.world = input.world;
      break;
    case "level":
      book.level = input.level;
      break;
    case "look":
      break;
  }
  decide(setting, book, mind);
}

const jobIn = ({ jobs }: ShadowBook, no: number): ShadowJob | undefined => jobs.find((job) => job.no === no);

/** Who gave up waiting waits no more here either; who had a machine here is taken to have left it then. */
function endInPool(book: ShadowBook, { no, at, ranMs }: Extract<ShadowInput, { kind: "ended" }>): void {
  const job = jobIn(book, no);
  if (job === undefined) return;
  if (ranMs === undefined && isWaiting(job)) book.jobs = book.jobs.filter((one) => one !== job);
  else Object.assign(job, { endedAt: Math.max(at, book.at), ranMs });
}

/** When something is due in a book by what it holds: looked up once it was decided about, since nothing else changes it. */
const dueIn = new WeakMap<ShadowBook, EpochMs>();

/** To be called when a book goes on under another setting. */
export const forgetDue = (book: ShadowBook): void => void dueIn.delete(book);

function nextAt({ pool, bootMs }: ShadowSetting, book: ShadowBook, mind: ShadowMind): EpochMs {
  let dueAt = dueIn.get(book);
  if (dueAt === undefined) {
    const planned = nextDueAt(desiredBy(pool, book), observedBy(pool, book, bootMs), book.at);
    dueAt = Math.min(nextEventAt(book), planned);
    dueIn.set(book, dueAt);
  }
  return Math.max(book.at, Math.min(dueAt, mind.changesAt()));
}

function decide({ pool, aimMs, bootMs }: ShadowSetting, book: ShadowBook, mind: ShadowMind): void {
  dueIn.delete(book);
  settle(book, aimMs, mind.onServed);
  book.level = mind.levelAt(book);
  planShadow(pool, book, bootMs, mind.nextBootMs);
  // Whatever the planner could order for them, it has.
  for (const job of queueOf(book).slice(book.boots.length)) job.isLimited = true;
}
