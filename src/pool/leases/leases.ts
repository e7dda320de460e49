import { CapacityError, ConfigError, ConflictError, MachineLostError } from "../../domain/errors.ts";
import { leaseIdFrom } from "../../domain/ids.ts";
import type { LeaseId, MachineId } from "../../domain/ids.ts";
import type { Lease, LeaseIn } from "../../domain/lease.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { checkSameRequest, keyedRequestFrom } from "../../domain/requestKey.ts";
import type { KeyedRequest } from "../../domain/requestKey.ts";
import { assignLeases } from "../../planning/assign.ts";
import { isOutdated } from "../../planning/rollover.ts";
import type { HeldMachine, LeaseRequest, Leases } from "../../ports/leases.ts";
import { ALL_POOLS } from "../../ports/store.ts";
import { holding, reachable } from "./claim.ts";
import { endLease } from "./expire.ts";
import { desiredPool, eventOf, guestSettingsOf, nudge } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";
import type { Following } from "../state/broadcast.ts";
import { poolKey } from "../state/state.ts";
import type { OpenLease } from "../state/state.ts";

const DEFAULT_TTL_MS = 60_000;
const DEFAULT_WAIT_MS = 3_600_000;

/** Creates the queue and the leases over a fleet. */
export function createLeases(fleet: Fleet): Leases {
  return {
    request: (request, key) => requestLease(fleet, request, key),
    waitUntilHeld: (id, onWait, signal) => waitUntilHeld(fleet, id, onWait, signal),
    renew: (id) => renewLease(fleet, id),
    release: (id, outcome, detail) => endLease(fleet, id, outcome, detail),
    waitUntilGone: (id, signal) => waitUntilGone(fleet, id, signal),
  };
}

async function requestLease(fleet: Fleet, request: LeaseRequest, key: string | undefined): Promise<Lease> {
  const { clock, random, logger } = fleet.deps;
  const now = clock.now();
  const keyed = key === undefined ? undefined : keyedRequestFrom("l", key, request);
  const ttlMs = request.ttlMs ?? DEFAULT_TTL_MS;
  const lease: LeaseIn<"waiting"> = {
    id: leaseIdFrom(keyed?.id ?? random.id("l")),
    poolName: request.poolName,
    holder: request.holder,
    priority: request.priority ?? 0,
    jobId: request.jobId,
    createdAt: request.queuedSince ?? now,
    ttlMs,
    waitDeadlineAt: now + (request.waitTimeoutMs ?? DEFAULT_WAIT_MS),
    ...(keyed === undefined ? {} : { requestDigest: keyed.digest }),
    state: "waiting",
    expiresAt: now + ttlMs,
  };
  const answer = await fleet.decide(async () => {
    const known = keyed === undefined ? undefined : await leaseUnder(fleet, keyed);
    if (known !== undefined) return known;
    const pool = assertLeasable(fleet, request);
    const idle = reachable(fleet, request.poolName);
    // A thousand that ask at once must not each sort the queue of all others for nothing.
    const queue = idle.length === 0 ? [] : [...fleet.state.waiting(request.poolName), lease];
    const mine = assignLeases(queue, idle, (machine) => isOutdated(pool, machine)).find((a) => a.lease.id === lease.id);
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
  }, [lease.id, lease.poolName]);
  logger.info(
    { leaseId: lease.id, poolName: lease.poolName, holder: lease.holder, state: answer.state },
    "lease asked for",
  );
  nudge(fleet);
  return answer;
}

/** The lease that came of a request when it was sent before. */
async function leaseUnder(fleet: Fleet, keyed: KeyedRequest): Promise<Lease | undefined> {
  const id = leaseIdFrom(keyed.id);
  const lease = fleet.state.lease(id) ?? (await fleet.deps.store.lease(id));
  if (lease !== undefined) checkSameRequest(lease.requestDigest, keyed);
  return lease;
}

function assertLeasable(fleet: Fleet, { poolName, queuedSince }: LeaseRequest): DesiredPool {
  if (fleet.isClosing) throw new ConflictError("manager-stopping", "the manager is stopping and gives no new leases");
  const pool = desiredPool(fleet, poolName);
  if (pool === undefined) {
    const names = fleet.deps.desired().pools.map((pool) => pool.name);
    throw new ConfigError(
      [{ place: "pool", message: `there is no pool "${poolName}"; there is: ${names.join(", ")}` }],
      "unknown-pool",
    );
  }
  if (queuedSince !== undefined) return pool;
  const modeOfAll = fleet.state.mode(ALL_POOLS);
  if (modeOfAll !== "open") {
    throw new ConflictError(
      "pool-cordoned",
      `all pools are ${modeOfAll}; \`mayfly pool resume --all\` opens them again`,
    );
  }
  const mode = fleet.state.mode(poolName);
  if (mode !== "open") {
    throw new ConflictError(
      "pool-cordoned",
      `pool "${poolName}" is ${mode}; \`mayfly pool resume ${poolName}\` opens it again`,
    );
  }
  return pool;
}

async function waitUntilHeld(
  fleet: Fleet,
  id: LeaseId,
  onWait: (why: string) => void,
  signal: AbortSignal,
): Promise<HeldMachine> {
  const stopAttending = fleet.attended.begin(id, fleet.deps.clock);
  const poolName = fleet.state.lease(id)?.poolName;
  const news = fleet.changes.follow(poolName === undefined ? [id] : [id, poolKey(poolName)], signal);
  try {
    return await awaitMachine(fleet, id, onWait, news, signal);
  } finally {
    news.stop();
    stopAttending();
  }
}

async function awaitMachine(
  fleet: Fleet,
  id: LeaseId,
  onWait: (why: string) => void,
  news: Following,
  signal: AbortSignal,
): Promise<HeldMachine> {
  let told = "";
  for (;;) {
    signal.throwIfAborted();
    const lease = fleet.state.lease(id);
    if (lease === undefined) throw await endedError(fleet, id);
    if (lease.state === "held" && fleet.guests.get(lease.machineId) !== undefined) return heldMachine(fleet, lease);
    const why = whyWaiting(fleet, lease);
    if (why !== told) onWait(why);
    told = why;
    await (lease.state === "held" ? fleet.changes.next([id, lease.machineId], signal) : news.next());
  }
}

const whyWaiting = (fleet: Fleet, lease: OpenLease): string =>
  lease.state === "waiting"
    ? fleet.state.notes(lease.poolName).waitWhy
    : `machine ${lease.machineId} is being reached again after a restart of the manager`;

async function endedError(fleet: Fleet, id: LeaseId): Promise<Error> {
  const lease = await fleet.deps.store.lease(id);
  if (lease?.state !== "ended") return new ConflictError("unknown-lease", `there is no lease ${id}`);
  switch (lease.outcome) {
    case "wait-timeout": {
      const waitedS = Math.round((lease.waitDeadlineAt - lease.createdAt) / 1000);
      const why = fleet.state.notes(lease.poolName).waitWhy;
      return new CapacityError("wait-timeout", `no machine of pool "${lease.poolName}" within ${waitedS} s: ${why}`);
    }
    case "machine-lost":
      return lostError(fleet, lease.machineId);
    case "pool-removed":
      return new ConflictError("pool-removed", poolRemoved(lease.poolName));
    case "shutdown":
      return new ConflictError("manager-stopping", "the manager is stopping; it is safe to run this again");
    case "released":
    case "cancelled":
    case "lapsed":
      return new ConflictError("lease-ended", `lease ${id} has ended: ${lease.outcome}`);
  }
}

const poolRemoved = (name: string): string =>
  `pool "${name}" was removed from the configuration while this waited for a machine; run it again in another pool`;

async function lostError(fleet: Fleet, id: MachineId | undefined): Promise<MachineLostError> {
  const machine = id === undefined ? undefined : await fleet.deps.store.machine(id);
  const why = machine !== undefined && "detail" in machine ? machine.detail : "its lease ended as machine lost";
  return new MachineLostError("machine-lost", `machine ${id ?? ""} was lost: ${why}`);
}

/** Answers the machine of a held lease. @throws MachineLostError when its channel is gone, or not back yet after a restart. */
export function heldMachine(fleet: Fleet, lease: LeaseIn<"held">): HeldMachine {
  const { machineId } = lease;
  const guest = fleet.guests.get(machineId);
  const machine = fleet.state.machine(machineId);
  const guestSettings = machine === undefined ? undefined : guestSettingsOf(fleet, machine);
  if (guest === undefined || guestSettings === undefined) {
    throw new MachineLostError("machine-lost", `machine ${machineId} cannot be reached: its channel is gone`);
  }
  return { ...guest, leaseId: lease.id, machineId, guestSettings };
}

async function renewLease(fleet: Fleet, id: LeaseId): Promise<OpenLease> {
  return fleet.decide(async () => {
    const lease = fleet.state.lease(id);
    if (lease === undefined) throw await endedError(fleet, id);
    const renewedNow = (): OpenLease => ({ ...lease, expiresAt: fleet.deps.clock.now() + lease.ttlMs });
    const renewed = renewedNow();
    fleet.state.renew(renewed);
    // A full disk takes no running job its machine: after a restart every lease is renewed anyway.
    await fleet.state.commit([{ kind: "lease", lease: renewed }]).catch((error: unknown) => {
      if (fleet.storeProblem === "") throw error;
    });
    // The time that the write took, with a standstill of the whole process perhaps, is not the holder's silence.
    const written = renewedNow();
    fleet.state.renew(written);
    return written;
  }, [id]);
}

async function waitUntilGone(fleet: Fleet, id: LeaseId, signal: AbortSignal): Promise<void> {
  const lease = fleet.state.lease(id) ?? (await fleet.deps.store.lease(id));
  const machineId = lease?.state === "waiting" ? undefined : lease?.machineId;
  while (machineId !== undefined && fleet.state.machine(machineId) !== undefined) {
    signal.throwIfAborted();
    await fleet.changes.next([machineId], signal);
  }
}
