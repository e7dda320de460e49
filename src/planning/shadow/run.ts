import type { EpochMs } from "../../domain/ids.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { nextDueAt } from "../due.ts";
import { MAX_WAITING, isWaiting } from "./book.ts";
import type { ShadowBook, ShadowInput, ShadowJob, ShadowLevel } from "./book.ts";
import { desiredBy, observedBy, planShadow } from "./decide.ts";
import type { ShadowTimes } from "./decide.ts";
import { renewJobs, viewJobs } from "./queue.ts";
import { compare, moveTo, nextEventAt, settle } from "./settle.ts";
import type { OnServed } from "./settle.ts";

/** What decides in a shadow: its policy while it runs, what was written of it when it is replayed. */
export interface ShadowMind extends ShadowTimes {
  /** The level from this moment on. Asked once things have settled, before the planner is. */
  levelAt(book: ShadowBook): ShadowLevel;
  /** When the level changes by the passing of time alone; Infinity for never. */
  changesAt(): EpochMs;
  /** Told of each job that gets a machine of the shadow. */
  readonly onServed?: OnServed | undefined;
  /**
   * Where is written what is heard, when time has come to it and before anything comes of it, and what nobody could tell beforehand;
   * the mind adds what it wishes for. Absent where nothing is to be written.
   */
  readonly written?: ShadowInput[] | undefined;
}

/** How a shadow is run, beside what decides in it. */
export interface ShadowSetting {
  /** The pool with the shadow's policy in the place of its own. */
  readonly pool: DesiredPool;
  /** A job is in time when it waited no longer, in milliseconds. */
  readonly aimMs: number;
  /** What a boot is planned to take, in milliseconds, > 0. */
  readonly bootMs: number;
  /** Digest of all that a machine is made from now, by which stopped ones are kept; absent where none can be stopped. */
  readonly recipe?: string | undefined;
}

/** Things that happen in a book between two moments of the real pool; more would never come to an end. */
const MAX_STEPS = 1_000_000;

/** Brings a book up to a moment: boots and jobs end, and machines are launched and retired, each at its own instant. */
export const advance = (setting: ShadowSetting, book: ShadowBook, to: EpochMs, mind: ShadowMind): void =>
  bringOn(setting, book, mind, to, (at) => at > to);

/** The same, but for what is due at that very moment. */
const advanceBefore = (setting: ShadowSetting, book: ShadowBook, to: EpochMs, mind: ShadowMind): void =>
  bringOn(setting, book, mind, to, (at) => at >= to);

function bringOn(
  setting: ShadowSetting,
  book: ShadowBook,
  mind: ShadowMind,
  to: EpochMs,
  isBeyond: (at: EpochMs) => boolean,
): void {
  for (let steps = 0; steps < MAX_STEPS; steps += 1) {
    const dueAt = nextDueIn(setting, book);
    const at = Math.max(book.at, Math.min(dueAt, mind.changesAt()));
    moveTo(book, Math.min(at, to));
    if (isBeyond(at)) return;
    if (dueAt <= at) decide(setting, book, mind);
    else decideUntold(setting, book, mind);
  }
  throw new Error(`a shadow of pool ${setting.pool.name} does not come to rest`);
}

/** Brings a book up to a moment, and has the policy and the planner look at it then, whether or not something is due. */
export function visit(setting: ShadowSetting, book: ShadowBook, at: EpochMs, mind: ShadowMind): void {
  advanceBefore(setting, book, at, mind);
  if (nextDueIn(setting, book) > book.at) decideUntold(setting, book, mind);
  else {
    decide(setting, book, mind);
    decidedAt.set(book, book.at);
  }
}

/** Decides at a moment that the book does not tell of, and writes that where something comes of it. */
function decideUntold(setting: ShadowSetting, book: ShadowBook, mind: ShadowMind): void {
  const { written = [] } = mind;
  const [place, machines] = [written.length, book.machines];
  decide(setting, book, mind);
  if (book.machines !== machines) written.splice(place, 0, { kind: "look", at: book.at });
}

/**
 * Books that have heard something at the moment they stand at: as in a pass of the pool itself, all that comes at one moment is
 * decided about together.
 */
const undecided = new WeakSet<ShadowBook>();
/** When a visit decided last about what came, or was due, at its moment: if more comes at that, it was not all that was decided about. */
const decidedAt = new WeakMap<ShadowBook, EpochMs>();

/** Takes in what was heard. What is older than the book counts as of now. */
export function take(setting: ShadowSetting, book: ShadowBook, input: ShadowInput, mind: ShadowMind): void {
  advanceBefore(setting, book, input.at, mind);
  if (decidedAt.get(book) === book.at) mind.written?.push({ kind: "look", at: book.at });
  decidedAt.delete(book);
  mind.written?.push(input);
  switch (input.kind) {
    case "job": {
      const { no, priority, readyAt } = input;
      book.jobs = [...book.jobs, { no, priority, readyAt: Math.min(readyAt, book.at) }];
      book.tally.jobs += 1;
      if (viewJobs(book).waiting.length > MAX_WAITING)
        throw new Error(`more than ${MAX_WAITING} jobs would wait under this policy`);
      break;
    }
    case "served": {
      const job = jobIn(book, input.no);
      if (job === undefined || job.actingWaitMs !== undefined) break;
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
      decide(setting, book, mind);
      return;
  }
  settle(setting.pool, book, setting.aimMs, mind.onServed);
  undecided.add(book);
}

const jobIn = ({ jobs }: ShadowBook, no: number): ShadowJob | undefined => jobs.find((job) => job.no === no);

/** Who gave up waiting waits no more here either; who had a machine here is taken to have left it then. */
function endInPool(book: ShadowBook, { no, at, ranMs }: Extract<ShadowInput, { kind: "ended" }>): void {
  const job = jobIn(book, no);
  if (job === undefined) return;
  if (ranMs === undefined && isWaiting(job)) book.jobs = book.jobs.filter((one) => one !== job);
  else {
    Object.assign(job, { endedAt: Math.max(at, book.at), ranMs });
    renewJobs(book);
  }
}

/** When something is due in a book by what it holds: looked up once it was decided about, since nothing else changes it. */
const dueIn = new WeakMap<ShadowBook, EpochMs>();

/** To be called when a book goes on under another setting. */
export const forgetDue = (book: ShadowBook): void => void dueIn.delete(book);

function nextDueIn(setting: ShadowSetting, book: ShadowBook): EpochMs {
  if (undecided.has(book)) return book.at;
  let dueAt = dueIn.get(book);
  if (dueAt === undefined) {
    const planned = nextDueAt(desiredBy(setting.pool, book), observedBy(setting, book), book.at);
    dueAt = Math.min(nextEventAt(book), planned);
    dueIn.set(book, dueAt);
  }
  return dueAt;
}

function decide(setting: ShadowSetting, book: ShadowBook, mind: ShadowMind): void {
  dueIn.delete(book);
  undecided.delete(book);
  settle(setting.pool, book, setting.aimMs, mind.onServed);
  book.level = mind.levelAt(book);
  planShadow(setting, book, mind);
  // Whatever the planner could order for them, it has.
  for (const job of viewJobs(book).waiting.slice(book.boots.length)) job.isLimited = true;
}
