import type { LiveMachine, MachineIn, MachineState } from "../domain/machine.ts";

/** What a list of machines holds. */
export interface Census {
  readonly counts: Readonly<Record<MachineState, number>>;
  /** Idle machines that may be leased, the longest idle first. */
  readonly leasable: readonly MachineIn<"idle">[];
  /** Stopped machines that may be started, the longest stopped first. */
  readonly startable: readonly MachineIn<"stopped">[];
  /** Digests of what the machines were made from, of those that know theirs. */
  readonly shapeDigests: ReadonlySet<string>;
}

const known = new WeakMap<readonly LiveMachine[], Census>();

/**
 * Looks through a list of machines, once for each list: a pass asks the same of it again and again, and most pools have the
 * list that they had a pass ago. The list must not change any more.
 */
export function censusOf(machines: readonly LiveMachine[]): Census {
  const census = known.get(machines) ?? takeCensus(machines);
  known.set(machines, census);
  return census;
}

function takeCensus(machines: readonly LiveMachine[]): Census {
  const counts: Record<MachineState, number> = {
    ...{ requested: 0, booting: 0, idle: 0, leased: 0, terminating: 0, terminated: 0 },
    ...{ stopping: 0, stopped: 0, starting: 0 },
  };
  const leasable: MachineIn<"idle">[] = [];
  const startable: MachineIn<"stopped">[] = [];
  const shapeDigests = new Set<string>();
  for (const machine of machines) {
    counts[machine.state] += 1;
    if (machine.shapeDigest !== undefined) shapeDigests.add(machine.shapeDigest);
    if (machine.isCordoned) continue;
    if (machine.state === "idle") leasable.push(machine);
    else if (machine.state === "stopped") startable.push(machine);
  }
  leasable.sort((a, b) => a.idleSince - b.idleSince);
  startable.sort((a, b) => a.stoppedSince - b.stoppedSince);
  return { counts, leasable, startable, shapeDigests };
}
