import type { EpochMs, MachineId } from "../../domain/ids.ts";
import type { Machine } from "../../domain/machine.ts";
import type { Outcome } from "../../planning/capacity/outcome.ts";
import type { Change } from "../../ports/store.ts";

/** Adds up what becomes of the machines of a replayed trace, in [from, to). */
export interface Tally {
  readonly see: (change: Change) => void;
  /** Machines held by jobs. */
  readonly leased: () => number;
  /** What was seen until now, which is `to` or later. */
  readonly finish: () => Omit<Outcome, "jobs" | "waitMs">;
}

type Phase = "booting" | "idle" | "busy";

/** What a machine is doing, and since when. */
interface Seen {
  phase: Phase;
  since: EpochMs;
  bootMs: number;
}

/** Creates an empty tally. */
export function createTally(now: () => EpochMs, from: EpochMs, to: EpochMs): Tally {
  const seen = new Map<MachineId, Seen>();
  const sums: Record<Phase, number> = { booting: 0, idle: 0, busy: 0 };
  let [wastedBootMs, peakMachines, leased] = [0, 0, 0];

  const within = (since: EpochMs, until: EpochMs): number => Math.max(0, Math.min(until, to) - Math.max(since, from));
  const turn = (machine: Seen, phase: Phase): void => {
    const at = now();
    sums[machine.phase] += within(machine.since, at);
    if (machine.phase === "booting") machine.bootMs = at - machine.since;
    leased += Number(phase === "busy") - Number(machine.phase === "busy");
    machine.phase = phase;
    machine.since = at;
  };
  const see = ({ id, state }: Machine): void => {
    const known = seen.get(id);
    if (known === undefined) {
      if (state !== "requested") return;
      seen.set(id, { phase: "booting", since: now(), bootMs: 0 });
      if (now() < to) peakMachines = Math.max(peakMachines, seen.size);
    } else if (state === "idle") turn(known, "idle");
    else if (state === "leased") turn(known, "busy");
    else if (state === "terminating") {
      const wasUsed = known.phase === "busy";
      turn(known, "idle");
      // The clock stood still since: nothing is added beyond the end of its work, or of its wait for some.
      if (!wasUsed && now() < to) wastedBootMs += known.bootMs;
      seen.delete(id);
    }
  };

  return {
    see(change) {
      if (change.kind === "machine-added" || change.kind === "machine-moved") see(change.machine);
    },
    leased: () => leased,
    finish() {
      for (const { phase, since } of seen.values()) sums[phase] += within(since, to);
      const { idle: idleMs, booting: bootingMs, busy: busyMs } = sums;
      return { from, to, idleMs, bootingMs, busyMs, wastedBootMs, peakMachines };
    },
  };
}
