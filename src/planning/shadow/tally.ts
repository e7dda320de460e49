import type { MachineState } from "../../domain/machine.ts";

/** What a pool, or its shadow, did in a stretch of time. Machine time is in milliseconds, and not that of ends. */
export interface Tally {
  /** Jobs that came. */
  jobs: number;
  /** Jobs that got a machine, how long they had waited, all together and the longest, and how many of them no longer than the wait that counts as in time. */
  served: number;
  waitMs: number;
  longestWaitMs: number;
  inTime: number;
  idleMs: number;
  bootingMs: number;
  busyMs: number;
  /** Of machines that are stopped, or about to be: of them nothing but their disks is paid for. */
  stoppedMs: number;
  launches: number;
  /** Machines that ended without a job. */
  unused: number;
}

/** Jobs that have a machine in both, and how much sooner and later the shadow's was there, in milliseconds. */
export interface Compared {
  jobs: number;
  savedMs: number;
  addedMs: number;
}

/** Nothing yet. */
export const emptyTally = (): Tally => ({
  ...{ jobs: 0, served: 0, waitMs: 0, longestWaitMs: 0, inTime: 0 },
  ...{ idleMs: 0, bootingMs: 0, busyMs: 0, stoppedMs: 0, launches: 0, unused: 0 },
});

/** Nothing yet. */
export const nothingCompared = (): Compared => ({ jobs: 0, savedMs: 0, addedMs: 0 });

/** Counts a job that got its machine. @param aimMs how long one may wait that is in time */
export function countServed(tally: Tally, waitMs: number, aimMs: number): void {
  tally.served += 1;
  tally.waitMs += waitMs;
  tally.longestWaitMs = Math.max(tally.longestWaitMs, waitMs);
  if (waitMs <= aimMs) tally.inTime += 1;
}

/** Adds up two stretches. */
export function sumTallies(a: Tally, b: Tally): Tally {
  const sum = emptyTally();
  for (const key of Object.keys(sum) as (keyof Tally)[]) sum[key] = a[key] + b[key];
  return { ...sum, longestWaitMs: Math.max(a.longestWaitMs, b.longestWaitMs) };
}

/** Adds up two comparisons. */
export const sumCompared = (a: Compared, b: Compared): Compared => ({
  ...{ jobs: a.jobs + b.jobs, savedMs: a.savedMs + b.savedMs, addedMs: a.addedMs + b.addedMs },
});

/** Where a machine's time goes. */
export type TimeClass = (typeof TIME_CLASSES)[number];
export const TIME_CLASSES = ["idleMs", "bootingMs", "busyMs", "stoppedMs"] as const;

/** Tells where the time of a machine in some state goes; undefined where it is counted nowhere. */
export function timeClassOf(state: MachineState): TimeClass | undefined {
  switch (state) {
    case "requested":
    case "booting":
    case "starting":
      return "bootingMs";
    case "idle":
      return "idleMs";
    case "leased":
      return "busyMs";
    case "stopping":
    case "stopped":
      return "stoppedMs";
    case "terminating":
    case "terminated":
      return undefined;
  }
}
