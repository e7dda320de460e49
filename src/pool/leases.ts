import { CapacityError, ConfigError, ConflictError, MachineLostError } from "../domain/errors.ts";
import { leaseIdFrom } from "../domain/ids.ts";
import type { LeaseId } from "../domain/ids.ts";
import type { LeaseIn } from "../domain/lease.ts";
import { assignLeases } from "../planning/assign.ts";
import type { HeldMachine, LeaseRequest, Leases } from "../ports/leases.ts";
import { holding, reachable, waitingOf } from "./claim.ts";
import { endLease } from "./expire.ts";
import { desiredPool, eventOf, nudge } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { poolKey } from "./state.ts";
import type { OpenLease } from "./state.ts";

const DEFAULT_TTL_MS = 60_000;
const DEFAULT_WAIT_MS = 3_600_000;

/** Creates the queue and the leases over a fleet. */
export function createLeases(fleet: Fleet): Leases {
  return {
    request: (request) => requestLease(fleet, request),
    waitUntilHeld: (id, onWait, signal) => waitUntilHeld(fleet, id, onWait, signal),
    renew: (id) => renewLease(fleet, id),
    release: (id, outcome, detail) => endLease(fleet, id, outcome, detail),
    waitUntilGone: (id, signal) => waitUntilGone(fleet, id, signal),
  };
}

async function requestLease(fleet: Fleet, request: LeaseRequest): Promise<OpenLease> {
  const { clock, random, logger } = fleet.deps;
  const now = clock.now();
  const ttlMs = request.ttlMs ?? DEFAULT_TTL_MS;
  const lease: LeaseIn<"waiting"> = {
    id: leaseIdFrom(random.id("l")),
    poolName: request.poolName,
    holder: request.holder,
    priority: request.priority ?? 0,
    jobId: request.jobId,
    createdAt: now,
    ttlMs,
    waitDeadlineAt: now + (request.waitTimeoutMs ?? DEFAULT_WAIT_MS),
    state: "waiting",
    expiresAt: now + ttlMs,
  };
  const answer = await fleet.decide(async () => {
    assertLeasable(fleet, request.poolName);
    const queue = [...waitingOf(fleet, request.poolName), lease];
    const mine = assignLeases(queue, reachable(fleet, request.poolName)).find((a) => a.lease.id === lease.id);
    const asked = eventOf(fleet, {
      leaseId: lease.id,
      jobId: lease.jobId,
      poolName: lease.poolName,
      what: "lease asked for",
      detail: lease.holder,
    });
    // The claim of an idle machine is one commit: one wait for the disk on the path that people feel.
    await fleet.state.commit([
      asked,
      ...(mine ? holding(fleet, lease, mine.machine) : [{ kind: "lease", lease } as const]),
    ]);
    return fleet.state.lease(lease.id) ?? lease;
  });
  logger.info(
    { leaseId: lease.id, poolName: lease.poolName, holder: lease.holder, state: answer.state },
    "lease asked for",
  );
  nudge(fleet);
  return answer;
}

function assertLeasable(fleet: Fleet, poolName: string): void {
  if (fleet.isClosing) throw new ConflictError("manager-stopping", "the manager is stopping and gives no new leases");
  if (desiredPool(fleet, poolName) === undefined) {
    const names = fleet.deps.desired().pools.map((pool) => pool.name);
    throw new ConfigError(
      [{ place: "pool", message: `there is no pool "${poolName}"; there is: ${names.join(", ")}` }],
      "unknown-pool",
    );
  }
  if (fleet.state.notes(poolName).isCordoned) {
    throw new ConflictError(
      "pool-cordoned",
      `pool "${poolName}" is cordoned; \`mayfly pool resume ${poolName}\` opens it again`,
    );
  }
}

async function waitUntilHeld(
  fleet: Fleet,
  id: LeaseId,
  onWait: (why: string) => void,
  signal: AbortSignal,
): Promise<HeldMachine> {
  let told = "";
  for (;;) {
    signal.throwIfAborted();
    const lease = fleet.state.lease(id);
    if (lease === undefined) throw await endedError(fleet, id);
    if (lease.state === "held") return heldMachine(fleet, lease);
    const why = fleet.state.notes(lease.poolName).waitWhy;
    if (why !== told) onWait(why);
    told = why;
    await fleet.changes.next([id, poolKey(lease.poolName)], signal);
  }
}

async function endedError(fleet: Fleet, id: LeaseId): Promise<Error> {
  const lease = await fleet.deps.store.lease(id);
  if (lease?.state !== "ended") return new ConflictError("unknown-lease", `there is no lease ${id}`);
  if (lease.outcome === "wait-timeout") {
    const waitedS = Math.round((lease.waitDeadlineAt - lease.createdAt) / 1000);
    const why = fleet.state.notes(lease.poolName).waitWhy;
    return new CapacityError("wait-timeout", `no machine of pool "${lease.poolName}" within ${waitedS} s: ${why}`);
  }
  return new ConflictError("lease-ended", `lease ${id} has ended: ${lease.outcome}`);
}

/** Answers the machine of a held lease. @throws MachineLostError when its channel is gone. */
export function heldMachine(fleet: Fleet, lease: LeaseIn<"held">): HeldMachine {
  const guest = fleet.guests.get(lease.machineId);
  const pool = desiredPool(fleet, lease.poolName);
  if (guest === undefined || pool === undefined) {
    throw new MachineLostError("machine-lost", `machine ${lease.machineId} was lost: its channel is gone`);
  }
  return { ...guest, leaseId: lease.id, machineId: lease.machineId, guestSettings: pool.guest };
}

async function renewLease(fleet: Fleet, id: LeaseId): Promise<OpenLease> {
  return fleet.decide(async () => {
    const lease = fleet.state.lease(id);
    if (lease === undefined) throw await endedError(fleet, id);
    const renewed = { ...lease, expiresAt: fleet.deps.clock.now() + lease.ttlMs };
    await fleet.state.commit([{ kind: "lease", lease: renewed }]);
    return renewed;
  });
}

async function waitUntilGone(fleet: Fleet, id: LeaseId, signal: AbortSignal): Promise<void> {
  const lease = fleet.state.lease(id) ?? (await fleet.deps.store.lease(id));
  const machineId = lease?.state === "waiting" ? undefined : lease?.machineId;
  while (machineId !== undefined && fleet.state.machine(machineId) !== undefined) {
    signal.throwIfAborted();
    await fleet.changes.next([machineId], signal);
  }
}
