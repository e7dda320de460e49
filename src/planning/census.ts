import type { LiveMachine, MachineIn, MachineState } from "../domain/machine.ts";

/** What a list of machines holds. */
export interface Census {
  readonly counts: Readonly<Record<MachineState, number>>;
  /** Idle machines that may be leased, the longest idle first. */
  readonly leasable: readonly MachineIn<"idle">[];
  /** Stopped machines that may be started, the longest stopped first. */
  readonly startable: readonly MachineIn<"stopped">[];
  /** Digests of what the machines were made from, of those that know theirs, and how many were made from each. */
  readonly shapeDigests: ReadonlyMap<string, number>;
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

/**
 * Works the census of a list out from that of another one, from which a single machine is `gone` or to which one has `come`, or
 * both at the same place: with hundreds of changes a second, nobody looks through thousands of machines for each. Does nothing where
 * the order among equals is not plain: then the list is looked through.
 */
export function carryCensus(
  before: readonly LiveMachine[],
  after: readonly LiveMachine[],
  gone: LiveMachine | undefined,
  come: LiveMachine | undefined,
): void {
  const census = known.get(before);
  if (census === undefined) return;
  const leasable = carried(census.leasable, gone, come, "idle", ({ idleSince }) => idleSince);
  const startable = carried(census.startable, gone, come, "stopped", ({ stoppedSince }) => stoppedSince);
  if (leasable === undefined || startable === undefined) return;
  const counts = { ...census.counts };
  const shapeDigests = new Map(census.shapeDigests);
  if (gone !== undefined) {
    counts[gone.state] -= 1;
    count(shapeDigests, gone.shapeDigest, -1);
  }
  if (come !== undefined) {
    counts[come.state] += 1;
    count(shapeDigests, come.shapeDigest, 1);
  }
  known.set(after, { counts, leasable, startable, shapeDigests });
}

/** Machines of a state without one and with another, in order; undefined where it is as old in that state as another one. */
function carried<S extends "idle" | "stopped">(
  machines: readonly MachineIn<S>[],
  gone: LiveMachine | undefined,
  come: LiveMachine | undefined,
  state: S,
  sinceOf: (machine: MachineIn<S>) => number,
): readonly MachineIn<S>[] | undefined {
  const isIn = (machine: LiveMachine | undefined): machine is MachineIn<S> & LiveMachine =>
    machine?.state === state && !machine.isCordoned;
  const left = isIn(gone) ? machines.filter((machine) => machine !== gone) : machines;
  if (!isIn(come)) return left;
  const since = sinceOf(come);
  const place = left.findLastIndex((machine) => sinceOf(machine) <= since);
  const older = left[place];
  if (older !== undefined && sinceOf(older) === since) return undefined;
  return left.toSpliced(place + 1, 0, come);
}

function count(counts: Map<string, number>, key: string | undefined, by: number): void {
  if (key === undefined) return;
  const next = (counts.get(key) ?? 0) + by;
  if (next > 0) counts.set(key, next);
  else counts.delete(key);
}

function takeCensus(machines: readonly LiveMachine[]): Census {
  const counts: Record<MachineState, number> = {
    ...{ requested: 0, booting: 0, idle: 0, leased: 0, terminating: 0, terminated: 0 },
    ...{ stopping: 0, stopped: 0, starting: 0 },
  };
  const leasable: MachineIn<"idle">[] = [];
  const startable: MachineIn<"stopped">[] = [];
  const shapeDigests = new Map<string, number>();
  for (const machine of machines) {
    counts[machine.state] += 1;
    count(shapeDigests, machine.shapeDigest, 1);
    if (machine.isCordoned) continue;
    if (machine.state === "idle") leasable.push(machine);
    else if (machine.state === "stopped") startable.push(machine);
  }
  leasable.sort((a, b) => a.idleSince - b.idleSince);
  startable.sort((a, b) => a.stoppedSince - b.stoppedSince);
  return { counts, leasable, startable, shapeDigests };
}
