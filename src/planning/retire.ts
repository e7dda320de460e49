import type { EpochMs } from "../domain/ids.ts";
import type { Machine, MachineIn, RetireReason } from "../domain/machine.ts";
import type { DesiredPool } from "../domain/pool.ts";
import { countInFlight, leasableMachines } from "./observed.ts";
import type { ObservedPool } from "./observed.ts";
import type { ActionOf } from "./plan.ts";

/**
 * What a lease may last beyond the pool's jobTimeoutMs: its holder ends the job in time, and then needs a while for
 * after_script (5 min in GitLab) and clean-up. Only a holder that forgot all of it meets this bound.
 */
export const LEASE_OVERTIME_MS = 15 * 60_000;

type Terminate = ActionOf<"terminate">;

/** Decides which machines of a pool are to end now, and why. Never more than one action a machine. */
export function planRetirements(desired: DesiredPool, observed: ObservedPool, now: EpochMs): Terminate[] {
  const overdue = observed.machines.flatMap((machine) => overdueOf(desired, machine, now));
  const overdueIds = new Set(overdue.map((action) => action.machineId));
  const idle = leasableMachines(observed.machines).filter((machine) => !overdueIds.has(machine.id));
  const surplus = observed.isDraining
    ? idle.map((machine) => terminate(machine, "pool-drained", `pool ${desired.name} is draining`))
    : surplusOf(desired, observed, idle, now);
  return [...overdue, ...surplus];
}

function overdueOf(desired: DesiredPool, machine: Machine, now: EpochMs): Terminate[] {
  switch (machine.state) {
    case "requested":
    case "booting": {
      const since = machine.state === "booting" ? machine.launchedAt : machine.requestedAt;
      const text = `not ready ${seconds(now - since)} after launch; boot_timeout is ${seconds(desired.bootTimeoutMs)}`;
      return now - since > desired.bootTimeoutMs ? [terminate(machine, "boot-timeout", text)] : [];
    }
    case "idle": {
      const ageMs = now - machine.launchedAt;
      const text = `${seconds(ageMs)} old; max_age is ${seconds(desired.maxAgeMs)}`;
      return ageMs > desired.maxAgeMs ? [terminate(machine, "max-age", text)] : [];
    }
    case "leased": {
      const heldMs = now - machine.leasedAt;
      const text = `leased for ${seconds(heldMs)}; job_timeout is ${seconds(desired.jobTimeoutMs)}`;
      return heldMs > desired.jobTimeoutMs + LEASE_OVERTIME_MS ? [terminate(machine, "job-timeout", text)] : [];
    }
    case "terminating":
    case "terminated":
      return [];
  }
}

function surplusOf(
  desired: DesiredPool,
  observed: ObservedPool,
  idle: readonly MachineIn<"idle">[],
  now: EpochMs,
): Terminate[] {
  const supply = idle.length + countInFlight(observed.machines);
  const surplus = supply - observed.waitingLeases - desired.idleCount;
  return idle
    .filter((machine) => now - machine.idleSince > desired.idleTimeMs)
    .slice(0, Math.max(0, surplus))
    .map((machine) => {
      const text = `idle for ${seconds(now - machine.idleSince)}, ${surplus} above idle_count ${desired.idleCount}`;
      return terminate(machine, "surplus-idle", text);
    });
}

const terminate = (machine: Machine, reason: RetireReason, detail: string): Terminate => ({
  kind: "terminate",
  machineId: machine.id,
  reason,
  detail,
});

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;
