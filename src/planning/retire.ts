import type { EpochMs } from "../domain/ids.ts";
import type { LiveMachine, Machine, MachineIn, RetireReason } from "../domain/machine.ts";
import type { DesiredPool } from "../domain/pool.ts";
import { paidUntil } from "./cost/bill.ts";
import { leasableMachines, supplyOf } from "./observed.ts";
import type { ObservedPool } from "./observed.ts";
import type { ActionOf } from "./plan.ts";
import { planRollover } from "./rollover.ts";
import { planTierEnds, tierDeficit } from "./tier.ts";

/**
 * What a lease may last beyond the pool's jobTimeoutMs: its holder ends the job in time, and then needs a while for
 * after_script (5 min in GitLab) and clean-up. Only a holder that forgot all of it meets this bound.
 */
export const LEASE_OVERTIME_MS = 15 * 60_000;

/** What a stop may take, from the intent until the provider shows it done. EC2 takes a minute, several when it must force it. */
export const STOP_TIMEOUT_MS = 15 * 60_000;

type Terminate = ActionOf<"terminate">;

/** Decides which machines of a pool are to end now, and why. Never more than one action a machine. */
export function planRetirements(desired: DesiredPool, observed: ObservedPool, now: EpochMs): Terminate[] {
  const [overdue, rest] = partOverdue(desired, observed, now);
  if (observed.mode === "draining") return [...overdue, ...drainedOf(desired, rest)];
  return [
    ...overdue,
    ...planTierEnds(desired, observed, rest),
    ...planRollover(desired, observed, rest),
    ...surplusOf(desired, observed, rest, now),
  ];
}

/** Parts those whose time is over from the rest, which is the very list that was given while it is over for none. */
function partOverdue(
  desired: DesiredPool,
  { machines, watchedSince }: ObservedPool,
  now: EpochMs,
): readonly [overdue: readonly Terminate[], rest: readonly LiveMachine[]] {
  if (now < firstOverdueAt(desired, machines, watchedSince)) return [[], machines];
  const overdue: Terminate[] = [];
  const rest = machines.filter((machine) => {
    const action = overdueOf(desired, machine, now, watchedSince);
    if (action !== undefined) overdue.push(action);
    return action === undefined;
  });
  return [overdue, rest];
}

/** What machines of a pool are held to. */
type Deadlines = Pick<DesiredPool, "bootTimeoutMs" | "maxAgeMs" | "jobTimeoutMs">;

interface FirstOverdue {
  readonly deadlines: readonly number[];
  readonly at: EpochMs;
}

const firstOverdue = new WeakMap<readonly LiveMachine[], FirstOverdue>();

/** Works out for a list what `firstOverdueAt` found for another one, from which a single machine is `gone`, or to which one has `come`. */
export function carryOverdue(
  before: readonly LiveMachine[],
  after: readonly LiveMachine[],
  gone: LiveMachine | undefined,
  come: LiveMachine | undefined,
): void {
  const known = firstOverdue.get(before);
  if (known === undefined) return;
  const [bootTimeoutMs = 0, maxAgeMs = 0, jobTimeoutMs = 0, watchedSince = 0] = known.deadlines;
  const dueAt = (machine: LiveMachine): EpochMs =>
    overdueAt({ bootTimeoutMs, maxAgeMs, jobTimeoutMs }, machine, watchedSince) ?? Infinity;
  // Which one is the next then, only all of them tell.
  if (gone !== undefined && dueAt(gone) <= known.at) return;
  const at = come === undefined ? known.at : Math.min(known.at, dueAt(come));
  firstOverdue.set(after, { deadlines: known.deadlines, at });
}

/** The first instant from which one of some machines has been in its state for too long; Infinity for never. Looked for once in a list. */
export function firstOverdueAt(desired: DesiredPool, machines: readonly LiveMachine[], watchedSince: EpochMs): EpochMs {
  const { bootTimeoutMs, maxAgeMs, jobTimeoutMs } = desired;
  const deadlines = [bootTimeoutMs, maxAgeMs, jobTimeoutMs, watchedSince];
  const known = firstOverdue.get(machines);
  if (known?.deadlines.every((each, n) => each === deadlines[n]) === true) return known.at;
  let at = Infinity;
  for (const machine of machines) at = Math.min(at, overdueAt(desired, machine, watchedSince) ?? Infinity);
  firstOverdue.set(machines, { deadlines, at });
  return at;
}

function overdueOf(desired: DesiredPool, machine: Machine, now: EpochMs, watchedSince: EpochMs): Terminate | undefined {
  const dueAt = overdueAt(desired, machine, watchedSince);
  if (dueAt === undefined || now < dueAt) return undefined;
  switch (machine.state) {
    case "requested":
    case "booting": {
      const since = machine.state === "booting" ? machine.launchedAt : machine.requestedAt;
      const text = `not ready ${seconds(now - since)} after launch; boot_timeout is ${seconds(desired.bootTimeoutMs)}`;
      return terminate(machine, "boot-timeout", text);
    }
    case "starting": {
      const text = `not ready ${seconds(now - machine.startingSince)} after its start; boot_timeout is ${seconds(desired.bootTimeoutMs)}`;
      return terminate(machine, "boot-timeout", text);
    }
    case "stopping": {
      const text = `not stopped ${seconds(now - machine.stoppingSince)} after it was asked to`;
      return terminate(machine, "stop-failed", text);
    }
    case "stopped":
    case "idle": {
      const text = `${seconds(now - machine.launchedAt)} old; max_age is ${seconds(desired.maxAgeMs)}`;
      return terminate(machine, "max-age", text);
    }
    case "leased": {
      const text = `leased for ${seconds(now - machine.leasedAt)}; job_timeout is ${seconds(desired.jobTimeoutMs)}`;
      return terminate(machine, "job-timeout", text);
    }
    case "terminating":
    case "terminated":
      return undefined;
  }
}

/** The instant from which a machine has been in its state for too long; undefined when it may stay there. */
export function overdueAt(desired: Deadlines, machine: Machine, watchedSince: EpochMs): EpochMs | undefined {
  switch (machine.state) {
    case "requested":
      return Math.max(machine.requestedAt, watchedSince) + desired.bootTimeoutMs + 1;
    case "booting":
      return Math.max(machine.launchedAt, watchedSince) + desired.bootTimeoutMs + 1;
    case "starting":
      return Math.max(machine.startingSince, watchedSince) + desired.bootTimeoutMs + 1;
    case "stopping":
      return Math.max(machine.stoppingSince, watchedSince) + STOP_TIMEOUT_MS + 1;
    case "stopped":
    case "idle":
      return machine.launchedAt + desired.maxAgeMs + 1;
    case "leased":
      return Math.max(machine.leasedAt, watchedSince) + desired.jobTimeoutMs + LEASE_OVERTIME_MS + 1;
    case "terminating":
    case "terminated":
      return undefined;
  }
}

const drainedOf = (desired: DesiredPool, machines: readonly LiveMachine[]): Terminate[] =>
  machines
    .filter(({ state }) => state !== "leased" && state !== "terminating")
    .map((machine) => terminate(machine, "pool-drained", `pool ${desired.name} is draining`));

function surplusOf(
  desired: DesiredPool,
  observed: ObservedPool,
  machines: readonly LiveMachine[],
  now: EpochMs,
): readonly Terminate[] {
  const surplus = surplusCount(desired, observed, now, machines);
  if (surplus === 0) return [];
  return leasableMachines(machines)
    .filter((machine) => now >= surplusEndAt(desired, machine))
    .slice(0, surplus)
    .map((machine) => {
      const text = `idle for ${seconds(now - machine.idleSince)}, ${surplus} above idle_count ${desired.idleCount}`;
      return terminate(machine, "surplus-idle", text);
    });
}

/** From when on a surplus machine goes: it has been idle for longer than wished, and nothing is paid for it in advance. */
export const surplusEndAt = (desired: DesiredPool, machine: MachineIn<"idle">): EpochMs =>
  Math.max(machine.idleSince + desired.idleTimeMs + 1, paidUntil(machine));

/** Machines, of these, that are there beyond who waits, the idle count, and what is to be stopped yet. */
export const surplusCount = (
  desired: DesiredPool,
  observed: ObservedPool,
  now: EpochMs,
  machines: readonly LiveMachine[] = observed.machines,
): number =>
  Math.max(0, supplyOf(machines) - observed.waitingLeases - desired.idleCount - tierDeficit(desired, observed, now));

const terminate = (machine: Machine, reason: RetireReason, detail: string): Terminate => ({
  kind: "terminate",
  machineId: machine.id,
  reason,
  detail,
});

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;
