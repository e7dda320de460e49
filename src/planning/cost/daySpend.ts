import type { MachinePrice } from "../../domain/cost.ts";
import type { EpochMs } from "../../domain/ids.ts";
import type { LiveMachine, Machine } from "../../domain/machine.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import type { ObservedBudget } from "../observed.ts";
import { billedSince, costUntil } from "./bill.ts";
import { priceFrom } from "./price.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** What an end, once it was asked for, takes at most in the reckoning. */
const ENDING_MS = 60_000;

/** The midnight, in UTC, that a moment's day began with. */
export const midnightBefore = (now: EpochMs): EpochMs => Math.floor(now / DAY_MS) * DAY_MS;

/**
 * What of a machine's cost falls between two instants, in US dollars. Of one that was stopped and started, no less than that.
 * @param usdPerHour stands in for a machine whose price nobody learnt, since the answer to its launch was lost; it is then taken to have run since it was asked for.
 */
export function costWithin(machine: Machine, from: EpochMs, to: EpochMs, usdPerHour = 0): number {
  if (to <= from) return 0;
  const since = billedSince(machine);
  if (since === undefined || machine.price === undefined) return costUnseen(machine, from, to, usdPerHour);
  if (machine.state === "terminated" && since >= from && to >= machine.terminatedAt) return machine.costUsd ?? 0;
  const before = since >= from ? 0 : (costUntil(machine, from) ?? 0);
  return Math.max(0, (costUntil(machine, to) ?? 0) - before);
}

function costUnseen(machine: Machine, from: EpochMs, to: EpochMs, usdPerHour: number): number {
  // Nothing was ever there, as far as is known.
  if (machine.state === "terminated" && machine.providerId === undefined) return 0;
  const end = machine.state === "terminated" ? Math.min(to, machine.terminatedAt) : to;
  return (usdPerHour * Math.max(0, end - Math.max(from, machine.requestedAt))) / HOUR_MS;
}

/** How long things take in a pool, in milliseconds. */
export interface ExpectedTimes {
  readonly bootMs: number;
  readonly jobMs: number;
}

/**
 * What the day's budget of a pool leaves: spent is what its machines, ended ones among them, have cost since midnight; expected is
 * what those that are there will yet cost today until their expected ends. A launch must fit beside both.
 * @param endedUsd what machines cost today that are gone.
 */
export function budgetLeft(
  pool: DesiredPool,
  machines: readonly LiveMachine[],
  endedUsd: number,
  times: ExpectedTimes,
  now: EpochMs,
): ObservedBudget | undefined {
  const { budgetUsdPerDay } = pool;
  if (budgetUsdPerDay === undefined) return undefined;
  const usdPerHour = expectedUsdPerHour(pool, machines);
  const midnight = midnightBefore(now);
  const dayEnd = midnight + DAY_MS;
  if (usdPerHour === undefined) {
    const text = "budget_per_day cannot be kept, since no price of its machines is known: set one under [pool.cost]";
    return { room: 0, text };
  }
  const lifeMs = Math.max(ENDING_MS, times.bootMs + pool.idleTimeMs + times.jobMs);
  const oneMore = (usdPerHour * Math.min(lifeMs, dayEnd - now)) / HOUR_MS;
  let [spent, expected] = [endedUsd, 0];
  for (const machine of machines) {
    const soFar = costWithin(machine, midnight, now, usdPerHour);
    const end = Math.min(dayEnd, Math.max(now, expectedEnd(pool, machine, times, now)));
    spent += soFar;
    expected += Math.max(0, costWithin(machine, midnight, end, usdPerHour) - soFar);
  }
  const left = budgetUsdPerDay - spent - expected;
  const room = oneMore <= 0 ? (left > 0 ? Infinity : 0) : Math.max(0, Math.floor(left / oneMore));
  const text = `budget_per_day (${usd(budgetUsdPerDay)}): ${usd(spent)} spent since midnight UTC, ${usd(expected)} expected of what is there, ${usd(oneMore)} for one more`;
  return { room, text };
}

function expectedEnd(pool: DesiredPool, machine: Machine, { bootMs, jobMs }: ExpectedTimes, now: EpochMs): EpochMs {
  switch (machine.state) {
    case "requested":
    case "booting":
    case "starting":
      return now + bootMs + pool.idleTimeMs + jobMs;
    case "idle":
      return now + pool.idleTimeMs + jobMs;
    case "leased":
      // One that is longer at work than most will be for as long again, for all that is known.
      return Math.max(machine.leasedAt + jobMs, now + Math.min(jobMs, now - machine.leasedAt));
    case "stopping":
    case "stopped":
      return Infinity;
    case "terminating":
    case "terminated":
      return now + ENDING_MS;
  }
}

/** How much one more job tells of how long jobs are. */
const JOB_WEIGHT = 0.1;

/** Carries the fading mean of how long jobs hold their machines on by one more, in milliseconds; undefined until there was one. */
export const meanJobMs = (known: number | undefined, heldMs: number): number =>
  known === undefined ? heldMs : known * (1 - JOB_WEIGHT) + heldMs * JOB_WEIGHT;

/** What one more machine of a pool will cost, in US dollars an hour; undefined where nobody knows. */
export const expectedUsdPerHour = (pool: DesiredPool, machines: readonly LiveMachine[]): number | undefined =>
  expectedPrice(pool, machines)?.usdPerHour;

/** The price of one more machine of a pool: that of the youngest of its machines, else of the dearest of its types; undefined where nobody knows. */
export function expectedPrice(pool: DesiredPool, machines: readonly LiveMachine[]): MachinePrice | undefined {
  const known = machines.findLast(({ price }) => price !== undefined)?.price ?? priceFrom(pool);
  if (known !== undefined) return known;
  const { shape } = pool;
  if (shape.driver !== "ec2") return undefined;
  const prices = shape.instanceTypes.flatMap(
    (instanceType) => priceFrom(pool, { instanceType, region: shape.region, market: "on-demand" }) ?? [],
  );
  return prices.toSorted((a, b) => b.usdPerHour - a.usdPerHour)[0];
}

const usd = (amount: number): string => `$${amount.toFixed(amount < 1 ? 4 : 2)}`;
