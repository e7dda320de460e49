import type { Patch } from "./copy.ts";

/** A manager with a fault, and the promise that the simulator must find broken. */
export interface Mutant {
  /** What it does wrong. */
  readonly fault: string;
  readonly breaks: string;
  /** The first day that it is tried on: one shortly before it is known to give itself away. @default 1 */
  readonly from?: number;
  /** @default those of the simulated provider */
  readonly days?: "ec2" | "ec2-crowd";
  readonly patches: readonly Patch[];
}

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "launches without having stored the intent",
    breaks: "I9",
    patches: [
      {
        file: "pool/reconcile.ts",
        from: "...intents.flatMap(({ intent, why }) => intentChanges(fleet, intent, why)),",
        to: "",
      },
    ],
  },
  {
    fault: "records no reason for a launch",
    breaks: "I9",
    patches: [
      {
        file: "pool/launch/intent.ts",
        from: 'what: "launch requested", detail: why',
        to: 'what: "launch requested", detail: ""',
      },
    ],
  },
  {
    fault: "leases a machine that is leased already",
    breaks: "I1",
    patches: [
      {
        file: "pool/leases/claim.ts",
        from: 'state === "idle" && fleet',
        to: '(state === "idle" || state === "leased") && fleet',
      },
      {
        file: "planning/census.ts",
        from: 'if (machine.state === "idle") leasable.push(machine);',
        to: 'if (["idle", "leased"].includes(machine.state)) leasable.push(machine as MachineIn<"idle">);',
      },
      { file: "pool/leases/claim.ts", from: 'from: "idle" }', to: "from: machine.state }" },
      // The store refuses this as well: a last line of defence, out of the way here.
      { file: "store/rules.ts", from: "stored.leaseId !== moved.leaseId", to: "false" },
    ],
  },
  {
    fault: "gives a machine that was released to the next job",
    breaks: "I1",
    patches: [
      { file: "domain/machine.ts", from: 'leased: ["terminating"]', to: 'leased: ["terminating", "idle"]' },
      {
        file: "pool/leases/expire.ts",
        from: "...(isLive ? machineRetirement(fleet, machine, reason, detail) : []),",
        to: `...(outcome === "released" && machine?.state === "leased"
          ? [
              { kind: "machine-moved", machine: { ...machine, state: "idle", idleSince: endedAt }, from: "leased" } as const,
              eventOf(fleet, { machineId: machine.id, what: "machine reused", detail }),
            ]
          : isLive ? machineRetirement(fleet, machine, reason, detail) : []),`,
      },
      {
        file: "pool/leases/expire.ts",
        from: "return isLive ? { machine, reason } : undefined;",
        to: 'return isLive && outcome !== "released" ? { machine, reason } : undefined;',
      },
    ],
  },
  {
    fault: "ends machines by their age without looking at their lease",
    breaks: "I3",
    from: 30,
    patches: [
      {
        file: "planning/retire.ts",
        from: "Math.max(machine.leasedAt, watchedSince) + desired.jobTimeoutMs + LEASE_OVERTIME_MS + 1",
        to: "machine.launchedAt + desired.maxAgeMs + 1",
      },
    ],
  },
  {
    fault: "takes a leased machine for lost when a probe of its engine fails",
    breaks: "I3",
    from: 3,
    patches: [{ file: "pool/health/probe.ts", from: '=> state === "idle";', to: '=> state !== "terminating";' }],
  },
  {
    fault: "throws leased machines away when it starts",
    breaks: "I3",
    from: 5,
    patches: [
      {
        file: "pool/adopt.ts",
        from: 'machine.state === "leased" && fleet.state.lease(machine.leaseId) === undefined',
        to: 'machine.state === "leased"',
      },
    ],
  },
  {
    fault: "throws idle machines away when it starts",
    breaks: "I7",
    patches: [
      {
        file: "pool/adopt.ts",
        from: 'if (machine.state === "leased" && fleet',
        to: 'if (machine.state === "idle") return giveUp("left-over", "it is from an earlier run");\n  if (machine.state === "leased" && fleet',
      },
    ],
  },
  {
    fault: "reaps by the list alone, without a look at its own records",
    breaks: "I9",
    patches: [
      {
        file: "pool/provider/reap.ts",
        from: "if (machine === undefined) return false;",
        to: 'if (machine?.state !== "leased") return machine !== undefined;\n  return false;',
      },
    ],
  },
  {
    fault: "takes what one list is without for gone",
    breaks: "I7",
    from: 3,
    patches: [
      { file: "pool/provider/judge.ts", from: "const MISSING_LISTS = 3;", to: "const MISSING_LISTS = 1;" },
      { file: "pool/provider/judge.ts", from: "const MISSING_MS = 90_000;", to: "const MISSING_MS = 0;" },
    ],
  },
  {
    fault: "reads a list that failed as an empty one",
    breaks: "I2",
    from: 13,
    patches: [
      { file: "pool/provider/looks.ts", from: "driver.list(bounded)", to: "driver.list(bounded).catch(() => [])" },
    ],
  },
  {
    fault: "asks again for a launch with a new token",
    breaks: "I2",
    from: 15,
    patches: [
      {
        file: "pool/launch/launch.ts",
        from: "startLaunch(fleet, pool, intent, false);",
        to: `const machine = { ...intent.machine, launchToken: fleet.deps.random.id("t") };
  const renewed = eventOf(fleet, { machineId, poolName, what: "token renewed", detail });
  await fleet.state.commit([{ kind: "machine-moved", machine, from: "requested" }, renewed]);
  startLaunch(fleet, pool, { ...intent, machine }, false);`,
      },
    ],
  },
  {
    fault: "takes a launch whose answer was lost for one that never was",
    breaks: "I2",
    patches: [
      {
        file: "pool/launch/launched.ts",
        from: "isFirst && (!isAsked || isRefusal(error))",
        to: "isFirst || !isAsked",
      },
    ],
  },
  {
    fault: "takes a termination that failed for done",
    breaks: "I2",
    from: 4,
    patches: [
      {
        file: "pool/terminate.ts",
        from: "if (!signal.aborted) noteFailure(fleet, machine, error);\n    return;",
        to: "if (signal.aborted) return;",
      },
    ],
  },
  {
    fault: "forgets a termination that failed",
    breaks: "I2",
    from: 4,
    patches: [
      {
        file: "pool/terminate.ts",
        from: 'machine.state === "terminating" && terminationDueAt(fleet, machine) <= now',
        to: "machine.id === undefined && now < 0",
      },
    ],
  },
  {
    fault: "counts only machines that serve against max_machines",
    breaks: "I4",
    patches: [
      {
        file: "planning/observed.ts",
        from: "const inPool = desired.maxMachines - observed.machines.length;",
        to: `const { idle, leased } = countByState(observed.machines);
  const inPool = desired.maxMachines - idle - leased;`,
      },
    ],
  },
  {
    fault: "does not heed max_growth_rate",
    breaks: "I8",
    from: 2,
    patches: [
      {
        file: "planning/observed.ts",
        from: "desired.maxGrowthRate - countInFlight(observed.machines)",
        to: "Infinity",
      },
    ],
  },
  {
    fault: "launches again at once when it is refused",
    breaks: "I8",
    from: 4,
    patches: [
      {
        file: "pool/launch/refusals.ts",
        from: "now + Math.round(boundMs * (0.75 + random.fraction() / 4))",
        to: "now",
      },
    ],
  },
  {
    fault: "keeps jobs from machines that fetch an image",
    breaks: "preload",
    from: 600,
    patches: [
      {
        file: "pool/leases/claim.ts",
        from: "!fleet.failedProbes.has(id)",
        to: "!fleet.failedProbes.has(id) && !fleet.preloading.has(id)",
      },
    ],
  },
  {
    fault: "lets a machine that was leased fetch on",
    breaks: "preload",
    from: 600,
    patches: [
      {
        file: "pool/preload/fetch.ts",
        from: 'if (fleet.state.machine(id)?.state !== "idle") taken',
        to: "if (fleet.state.machine(id) === undefined) taken",
      },
    ],
  },
  {
    fault: "ends a machine that could not fetch an image",
    breaks: "I7",
    from: 600,
    patches: [
      {
        file: "pool/preload/fetch.ts",
        from: 'import { desiredPool } from "../fleet.ts";',
        to: 'import { desiredPool } from "../fleet.ts";\nimport { retireMachine } from "../terminate.ts";',
      },
      {
        file: "pool/preload/fetch.ts",
        from: "      await provideImage(fleet, poolName, id, guest, image, either);",
        to: `      await provideImage(fleet, poolName, id, guest, image, either).then(() =>
        fleet.preloads.lacks(guest, image) ? retireMachine(fleet, id, "engine-lost", image, () => true) : undefined);`,
      },
    ],
  },
  {
    fault: "starts stopped machines though the day's budget is spent",
    breaks: "I10",
    from: 494,
    patches: [
      {
        file: "planning/tier.ts",
        from: "Math.min(wanted, growing, budgetRoom(observed))",
        to: "Math.min(wanted, growing)",
      },
    ],
  },
  {
    fault: "does not heed the budget of its provider's calls",
    breaks: "I8",
    from: 2,
    patches: [
      {
        file: "pool/provider/calls.ts",
        from: "const budget = budgetOf(fleet, driver);",
        to: "const budget = { take: async () => undefined };",
      },
    ],
  },
  {
    fault: "tells the holder of a lost machine nothing of the loss",
    breaks: "I5",
    patches: [
      {
        file: "pool/health/guests.ts",
        from: 'import { MachineLostError } from "../../domain/errors.ts";',
        to: 'import { ConflictError } from "../../domain/errors.ts";',
      },
      {
        file: "pool/health/guests.ts",
        from: 'new MachineLostError("machine-lost", why)',
        to: 'new ConflictError("lease-ended", why)',
      },
    ],
  },
  {
    fault: "never lets the lease of a dead holder lapse",
    breaks: "lapse",
    from: 3,
    patches: [
      {
        file: "pool/leases/expire.ts",
        from: 'lease.state === "held" ? lease.expiresAt : Math.min(',
        to: 'lease.state === "held" ? Infinity : Math.min(',
      },
    ],
  },
  {
    fault: "leases a machine of an earlier run before it has reached it",
    breaks: "I6",
    from: 23,
    patches: [{ file: "pool/leases/claim.ts", from: "fleet.guests.get(id) !== undefined && ", to: "" }],
  },
  {
    fault: "goes on asking for the stop of a machine that is stopped",
    breaks: "I9",
    from: 140,
    patches: [
      { file: "pool/power/stop.ts", from: 'fleet.state.machine(id)?.state === "stopping"; failures', to: "; failures" },
      {
        file: "pool/power/stop.ts",
        from: "fleet.tasks.abort(stopTask(machineId)",
        to: "if (tookMs < 0) fleet.tasks.abort(stopTask(machineId)",
      },
    ],
  },
  {
    fault: "does not heed max_growth_rate when it starts stopped machines",
    breaks: "I8",
    from: 12,
    patches: [{ file: "planning/tier.ts", from: "Math.min(wanted, growing, ", to: "Math.min(wanted, " }],
  },
  {
    fault: "takes a machine that it stopped for one that is gone",
    breaks: "I7",
    from: 12,
    patches: [
      {
        file: "pool/provider/judge.ts",
        from: 'case "stopped":\n      return isStopped;',
        to: 'case "stopped":\n      return runs;',
      },
    ],
  },
  {
    fault: "goes on asking a spot market that takes back what it gave",
    breaks: "breaker",
    from: 13,
    days: "ec2",
    patches: [
      {
        file: "drivers/ec2/breaker.ts",
        from: "isOpen: () => clock.monotonic() < openUntil",
        to: "isOpen: () => false",
      },
    ],
  },
  {
    fault: "takes no on-demand machine when the spot market has nothing",
    breaks: "fallback",
    from: 3,
    days: "ec2",
    patches: [{ file: "drivers/ec2/place.ts", from: '["spot", "on-demand"]', to: '["spot"]' }],
  },
  {
    fault: "does not heed the rates of its account, and makes a call for each machine",
    breaks: "I8",
    days: "ec2-crowd",
    patches: [
      { file: "drivers/ec2/calls.ts", from: "await bucket.take(signal);", to: "" },
      // Else a crowd is too few calls to pass them.
      { file: "drivers/ec2/tags.ts", from: "MACHINES_OF_ONE_CALL = 16", to: "MACHINES_OF_ONE_CALL = 1" },
    ],
  },
  {
    fault: "gives all machines of one call the same instance",
    breaks: "I1",
    days: "ec2-crowd",
    patches: [
      { file: "pool/launch/launchTogether.ts", from: "const instance = free[index];", to: "const instance = free[0];" },
    ],
  },
  {
    fault: "takes the instances of one call apart by the order that they are shown in",
    breaks: "I9",
    days: "ec2-crowd",
    patches: [
      {
        file: "pool/shared.ts",
        from: "owners.get(instance.providerId) ?? free.shift()?.id",
        to: "ids[ofCall.indexOf(instance)]",
      },
    ],
  },
];
