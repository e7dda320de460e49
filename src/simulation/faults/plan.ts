import { drawFor } from "../draw.ts";
import type { Draw } from "../draw.ts";
import { hasStoppedTier } from "../world/day.ts";
import { FAULT_KINDS, FAULT_SHAPES, isTierFault } from "./kinds.ts";
import type { Fault, FaultKind, FaultShape } from "./kinds.ts";

/** How likely a day knows a kind at all: days that know few kinds go deeper into each than days that know all (swarm testing). */
const KIND_CHANCE = [0.1, 0.3, 0.6] as const;
/** A burst costs as much to simulate as many days. */
const BURST_CHANCE = 0.02;

/** Plans the faults of a day, in the order of their time: a random few of these kinds, each at random times and rates. */
export function planFaults(seed: number, dayMs: number, kinds: readonly FaultKind[] = FAULT_KINDS): readonly Fault[] {
  const kindChance = drawFor(seed, "faults").pick(KIND_CHANCE);
  const hasTier = hasStoppedTier(seed);
  const isKnown = (kind: FaultKind): boolean =>
    (hasTier || !isTierFault(kind)) &&
    drawFor(seed, `knows ${kind}`).chance(kind === "burst" ? BURST_CHANCE : kindChance);
  return planFaultsOf(kinds.filter(isKnown), seed, dayMs);
}

/** Plans faults of these kinds alone. What a day has of one kind does not depend on which others there are. */
export function planFaultsOf(kinds: readonly FaultKind[], seed: number, dayMs: number): readonly Fault[] {
  return kinds
    .flatMap((kind) => faultsOf(kind, FAULT_SHAPES[kind], dayMs, drawFor(seed, `faults ${kind}`)))
    .toSorted((a, b) => a.atMs - b.atMs)
    .map((fault, index) => ({ ...fault, index }));
}

function faultsOf(kind: FaultKind, shape: FaultShape, dayMs: number, draw: Draw): Omit<Fault, "index">[] {
  return Array.from({ length: draw.between(1, shape.mostPerDay) }, () => ({
    kind,
    atMs: draw.between(0, dayMs - 1),
    // Short ones are as likely as long ones by order of magnitude, not by length.
    forMs: shape.forMs[1] === 0 ? 0 : Math.round(shape.forMs[0] * (shape.forMs[1] / shape.forMs[0]) ** draw.fraction()),
    rate: shape.rate[0] + draw.fraction() * (shape.rate[1] - shape.rate[0]),
    value: draw.fraction(),
  }));
}
