import type { EpochMs } from "../../domain/ids.ts";
import type { Machine } from "../../domain/machine.ts";

const HOUR_MS = 3_600_000;
const SECOND_MS = 1000;

/** How a provider counts the time that it bills, always in whole seconds. */
interface BillingTerms {
  /** Less than this is billed as this, in milliseconds. */
  readonly minimumMs: number;
  /** Whether it bills neither the time before a machine runs nor that after its end was asked for. */
  readonly isFreeBesideRunning: boolean;
}

/**
 * Source for ec2: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html ("pending" and
 * "shutting-down" are not billed), https://aws.amazon.com/ec2/pricing/on-demand/ (by the second, 60 at least).
 */
const TERMS: Readonly<Record<string, BillingTerms>> = { ec2: { minimumMs: 60_000, isFreeBesideRunning: true } };
const PLAIN: BillingTerms = { minimumMs: 0, isFreeBesideRunning: false };

const termsOf = ({ driver }: Machine): BillingTerms => TERMS[driver] ?? PLAIN;

/**
 * Tells what a machine has cost until an instant, in US dollars, to the millionth; undefined when its price is not known,
 * or nothing was launched. Once its end was asked for, a provider that bills running machines alone bills no more of it.
 * A stopped one costs what its disk costs; each start begins a minimum of its own.
 * @param lingered whether the provider refused to end it for a while: then it is billed until `until`.
 */
export function costUntil(machine: Machine, until: EpochMs, lingered = false): number | undefined {
  const { price, spentUsd = 0 } = machine;
  const since = billedSince(machine);
  if (price === undefined || since === undefined) return undefined;
  const { minimumMs, isFreeBesideRunning } = termsOf(machine);
  const isAskedToEnd = "terminatingSince" in machine && isFreeBesideRunning && !lingered;
  const end = isAskedToEnd ? Math.min(until, machine.terminatingSince) : until;
  const stoppedSince = stoppedSinceOf(machine);
  const usd =
    stoppedSince === undefined
      ? price.usdPerHour * Math.ceil(Math.max(minimumMs, end - since) / SECOND_MS) * SECOND_MS
      : (price.diskUsdPerHour ?? 0) * Math.max(0, end - stoppedSince);
  return Math.round(spentUsd * 1e6 + (usd * 1e6) / HOUR_MS) / 1e6;
}

/**
 * Until when a machine is paid for, whatever becomes of it: to end it earlier saves nothing. By the second there is no
 * better moment after that, as there was when hours were sold whole.
 */
export const paidUntil = (machine: Machine): EpochMs => (billedSince(machine) ?? 0) + termsOf(machine).minimumMs;

/** Since when a machine has not been running, if it is stopped, or was when it was retired. Nothing but its disk is billed then. */
function stoppedSinceOf(machine: Machine): EpochMs | undefined {
  if (machine.state === "stopping") return machine.stoppingSince;
  return "stoppedSince" in machine ? machine.stoppedSince : undefined;
}

/** When the present run of a machine began, as near as is known: no later than it really did. */
export function billedSince(machine: Machine): EpochMs | undefined {
  const launchedAt = machine.startedAt ?? ("launchedAt" in machine ? machine.launchedAt : undefined);
  const runningSince = "runningSince" in machine ? machine.runningSince : undefined;
  return termsOf(machine).isFreeBesideRunning ? (runningSince ?? launchedAt) : launchedAt;
}
