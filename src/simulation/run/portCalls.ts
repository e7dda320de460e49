import type { Moment, PortHook } from "../world/process.ts";

/** A manager that was killed at a port call. */
export interface Kill {
  /** The number of the port call, counted over the whole run from 1; the moments before and after one call count apart. */
  readonly call: number;
  readonly port: string;
  readonly moment: Moment;
}

/** Counts the port calls of one run, and lets things happen at them. */
export interface PortCalls {
  readonly hook: PortHook;
  /**
   * Runs something at the `left`-th (≥ 1) call from now of which this is the moment. Several wait for each other, in order.
   * @param port calls of other ports do not count. @default calls of all ports do
   */
  at(left: number, moment: Moment, run: () => void, port?: string): void;
  /** Whom to tell that a call is reached at which the manager is to be killed. */
  onKill(kill: () => void): void;
  /** Notes that the manager is killed at the call of this moment. */
  noteKill(): void;
  /** Nothing happens at any call from here on. */
  stop(): void;
  /** The kills so far, in order. */
  readonly kills: readonly Kill[];
  readonly total: () => number;
  /** How often each port was called, both moments of a call counted as one. */
  readonly byPort: ReadonlyMap<string, number>;
}

/** Starts to count. */
export function countPortCalls(killAtCalls: readonly number[]): PortCalls {
  const killAt = new Set(killAtCalls);
  const waiting: { left: number; readonly moment: Moment; readonly run: () => void; readonly port?: string }[] = [];
  const kills: Kill[] = [];
  const byPort = new Map<string, number>();
  let total = 0;
  let last: Omit<Kill, "call"> = { port: "", moment: "before" };
  let kill: () => void = () => undefined;

  return {
    kills,
    byPort,
    total: () => total,
    at: (left, moment, run, port) => void waiting.push({ left, moment, run, ...(port !== undefined && { port }) }),
    onKill(run) {
      kill = run;
    },
    noteKill: () => void kills.push({ call: total, ...last }),
    stop() {
      waiting.length = 0;
      killAt.clear();
    },
    hook(port, moment) {
      total += 1;
      if (moment === "after") byPort.set(port, (byPort.get(port) ?? 0) + 1);
      last = { port, moment };
      if (killAt.delete(total)) return kill();
      const [next] = waiting;
      if (next?.moment !== moment || (next.port ?? port) !== port) return;
      next.left -= 1;
      if (next.left > 0) return;
      waiting.shift();
      next.run();
    },
  };
}
