import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../ports/clock.ts";

/** The longest that a timer of Node waits, in milliseconds; a longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The real time. The only place that reads it for the manager. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    signal?.throwIfAborted();
    try {
      let restMs = ms;
      do {
        await sleep(Math.min(restMs, MAX_TIMER_MS), undefined, signal === undefined ? {} : { signal });
        restMs -= MAX_TIMER_MS;
      } while (restMs > 0);
    } catch (error) {
      throw signal?.reason ?? error;
    }
  },
  schedule(ms, run) {
    let timer: NodeJS.Timeout;
    const wait = (restMs: number): void => {
      timer = setTimeout(
        () => (restMs > MAX_TIMER_MS ? wait(restMs - MAX_TIMER_MS) : run()),
        Math.min(restMs, MAX_TIMER_MS),
      );
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
};
