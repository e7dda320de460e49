import type { Clock } from "../../ports/clock.ts";
import type { VirtualClock } from "../clock.ts";

/** What a front door gets that talks to a manager which is not there, or which dies under its call. */
export class ConnectionLost extends Error {}

/** Where a port call is: before its effect, or after it. */
export type Moment = "before" | "after";

/** Told of every call through a port, before its effect and after it. It may kill the process there. */
export type PortHook = (name: string, moment: Moment) => void;

/**
 * One run of the manager's process.
 *
 * INVARIANTS
 * - Once it is dead, no call through a port has an effect or settles: what its code would do next is never done.
 */
export interface ManagerProcess {
  readonly number: number;
  /** When it started, in milliseconds since the day's start. */
  readonly startedAtMs: number;
  /** Since when it has run without standing still; `Infinity` while it stands. In milliseconds since the day's start. */
  readonly awakeSinceMs: () => number;
  readonly isAlive: () => boolean;
  /** A call from the manager outwards. */
  readonly call: <T>(name: string, run: () => Promise<T>) => Promise<T>;
  /** A call from outside into the manager. @throws ConnectionLost when it dies before it has answered. */
  readonly ask: <T>(run: () => Promise<T>) => Promise<T>;
  readonly onDeath: (run: () => void) => void;
  /** Tells it something from outside: at once, or when it goes on. */
  readonly deliver: (run: () => void) => void;
  /** Makes it stand still, as a paused host does: it calls nobody, and hears neither an answer nor its clock. */
  pause(): void;
  /** Lets it go on. Its alarms come first, then the answers, as in Node's own loop. Running already is success. */
  resume(): void;
  die(): void;
}

/** Starts a process, in name: what runs in it is started by whoever has it. */
export function createProcess(number: number, clock: VirtualClock, hook: PortHook): ManagerProcess {
  let isAlive = true;
  let awakeSinceMs = clock.monotonic();
  let standing: Standing | undefined;
  const asking = new Set<() => void>();
  const deaths: (() => void)[] = [];
  const untilAwake = async (): Promise<void> => {
    while (standing !== undefined) await standing.over;
  };

  return {
    number,
    startedAtMs: clock.monotonic(),
    awakeSinceMs: () => awakeSinceMs,
    isAlive: () => isAlive,
    onDeath: (run) => void deaths.push(run),
    deliver: (run) => (standing === undefined ? run() : void standing.waiting.push(run)),
    async call(name, run) {
      if (standing !== undefined) await untilAwake();
      if (isAlive) hook(name, "before");
      if (!isAlive) return never();
      try {
        return await run();
      } finally {
        if (standing !== undefined) await untilAwake();
        if (isAlive) hook(name, "after");
        // A finally that does not end holds back the answer, and the failure as well.
        if (!isAlive) await never();
      }
    },
    ask(run) {
      if (!isAlive) return Promise.reject(new ConnectionLost("the manager is gone"));
      return new Promise((resolve, reject) => {
        const lose = (): void => reject(new ConnectionLost("the manager died"));
        asking.add(lose);
        const answer = standing === undefined ? run() : untilAwake().then(run);
        answer.then(
          (result) => {
            asking.delete(lose);
            resolve(result);
          },
          (error: unknown) => {
            asking.delete(lose);
            reject(error);
          },
        );
      });
    },
    pause() {
      if (standing !== undefined) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      standing = { over: promise, end: resolve, waiting: [] };
      awakeSinceMs = Infinity;
    },
    resume() {
      const ended = standing;
      standing = undefined;
      if (ended === undefined) return;
      awakeSinceMs = clock.monotonic();
      for (const run of ended.waiting) run();
      clock.schedule(0, ended.end);
    },
    die() {
      if (!isAlive) return;
      isAlive = false;
      for (const run of deaths) run();
      for (const lose of asking) lose();
      asking.clear();
    },
  };
}

/** A time in which a process stands still. */
interface Standing {
  readonly over: Promise<void>;
  readonly end: () => void;
  readonly waiting: (() => void)[];
}

const never = (): Promise<never> => new Promise(() => undefined);

/** The host's clock as one process sees it: `jumpedMs` ahead of the true time, and still once the process is dead. */
export function clockOf(process: ManagerProcess, clock: VirtualClock, jumpedMs: () => number, hook: PortHook): Clock {
  const schedule = (ms: number, run: () => void): (() => void) => {
    let isCalledOff = false;
    const wake = (): void => {
      // It may have come due while the process stood still, and be called off before it woke.
      if (isCalledOff) return;
      if (process.isAlive()) hook("clock.sleep", "after");
      if (process.isAlive()) run();
    };
    const callOff = clock.schedule(ms, () => process.deliver(wake));
    return () => {
      isCalledOff = true;
      callOff();
    };
  };
  return {
    now: () => clock.now() + jumpedMs(),
    monotonic: () => clock.monotonic() - process.startedAtMs,
    schedule,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (!process.isAlive()) return;
        if (signal?.aborted) return reject(signal.reason);
        const callOff = schedule(ms, () => {
          signal?.removeEventListener("abort", abort);
          resolve();
        });
        const abort = (): void => {
          callOff();
          reject(signal?.reason);
        };
        signal?.addEventListener("abort", abort, { once: true });
      }),
  };
}
