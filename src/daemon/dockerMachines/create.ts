import { CapacityError, ConfigError, ConflictError, SystemError } from "../../domain/errors.ts";
import type { MayflyError } from "../../domain/errors.ts";
import { leaseIdFrom } from "../../domain/ids.ts";
import type { LeaseIn } from "../../domain/lease.ts";
import { keyedRequestFrom } from "../../domain/requestKey.ts";
import { orAborted } from "../../jobs/waits.ts";
import { withDeadline } from "../../ports/deadline.ts";
import type { CreateEvent, DockerMachineRequest, ReadyDockerMachine } from "../../ports/dockerMachines.ts";
import { choosePool } from "./choosePool.ts";
import { pingEngine } from "./engine.ts";
import type { Entrance } from "./entrance.ts";
import { heldFrom } from "./held.ts";
import type { Held } from "./held.ts";
import type { DockerMachineDeps } from "./service.ts";

/** The names that docker-machine takes. Source: docker/machine, libmachine/host/host.go. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9\-.]*$/;
const MAX_NAME = 128;
/** What the lease of a held machine lives for without its manager. */
const TTL_MS = 60_000;
/** How long the directory of a ready machine may take to be written. */
const KEEP_MS = 60_000;

export interface CreateDeps extends DockerMachineDeps {
  readonly heldById: Map<string, Held>;
  readonly entrance: Entrance;
  readonly end: (held: Held, why: string) => Promise<void>;
  /** Aborts when this manager leaves; what is being created goes on with the next one. */
  readonly closing: AbortSignal;
}

/** Leases a machine for a directory that is still to be written. Ends it again when that does not come about. */
export async function* createMachine(
  deps: CreateDeps,
  request: DockerMachineRequest,
  gone: AbortSignal,
): AsyncGenerator<CreateEvent> {
  const { heldById, closing, end, logger, clock } = deps;
  const held = await take(deps, request);
  held.isAttended = true;
  const signal = AbortSignal.any([gone, closing, held.ended.signal]);
  try {
    yield* awaitMachine(deps, held, request, signal);
    yield { kind: "ready", machine: await admit(deps, held, signal) };
    const late = (): Error => new SystemError("not-kept", `machine ${request.name} was not kept in time`);
    await withDeadline(clock, KEEP_MS, late, signal, (bounded) => orAborted(held.kept.promise, bounded));
    yield { kind: "kept" };
  } finally {
    held.isAttended = false;
    held.lastSignAt = clock.monotonic();
    if (held.record.state === "creating" && heldById.has(held.record.id) && !closing.aborted) {
      // Nobody waits for this: the rounds try again what fails here.
      await end(held, "its creation came to nothing").catch((err: unknown) =>
        logger.warn({ err, id: held.record.id }, "could not give back a machine yet"),
      );
    }
  }
}

/** Takes the name, or goes on with what the same creator began at another manager. */
async function take(deps: CreateDeps, request: DockerMachineRequest): Promise<Held> {
  const { heldById, records, pools, clock, random, closing } = deps;
  checkRequest(request);
  if (closing.aborted) throw new ConflictError("manager-stopping", "the manager is stopping and gives no new leases");
  const pool = choosePool(pools(), request.wish);
  const { name, storagePath, key } = request;
  const other = [...heldById.values()].find(({ record }) => record.name === name && record.storagePath === storagePath);
  if (other !== undefined) {
    const { record, isAttended, isEnding } = other;
    if (record.key === key && record.state === "creating" && !isEnding && !isAttended) return other;
    throw new ConflictError("machine-exists", `Docker machine "${name}" already exists`);
  }
  const id = random.id("dm");
  const leaseId = leaseIdFrom(keyedRequestFrom("l", id, {}).id);
  const record = {
    ...{ id, name, storagePath, key, poolName: pool.name, leaseId },
    ...{ state: "creating" as const, createdAt: clock.now(), isSeen: false },
  };
  const held = heldFrom(record, clock.monotonic());
  // Taken before anything is waited for: of two that ask at once, one gets it.
  heldById.set(id, held);
  try {
    await records.put(record);
  } catch (error) {
    heldById.delete(id);
    throw error;
  }
  return held;
}

function checkRequest({ name, storagePath }: DockerMachineRequest): void {
  if (!NAME.test(name) || name.length > MAX_NAME) {
    const message = `Expected a name of 0-9, a-z, A-Z, - and . (${MAX_NAME} at most), got "${name.slice(0, MAX_NAME)}"`;
    throw new ConfigError([{ place: "name", message }], "usage");
  }
  if (!storagePath.startsWith("/")) {
    throw new ConfigError([{ place: "storage path", message: `Expected an absolute path, got "${storagePath}"` }]);
  }
}

async function* awaitMachine(
  deps: CreateDeps,
  held: Held,
  { name, waitTimeoutMs }: DockerMachineRequest,
  signal: AbortSignal,
): AsyncGenerator<CreateEvent> {
  const { manager } = deps;
  const { poolName, id, leaseId } = held.record;
  const request = { poolName, holder: `docker-machine ${name}`, ttlMs: TTL_MS, waitTimeoutMs };
  let view = await manager.acquireLease(request, id);
  yield { kind: "progress", text: `asked pool ${poolName} for a machine (lease ${leaseId})` };
  let told: string | undefined;
  while (view.lease.state === "waiting") {
    if (view.why !== undefined && view.why !== told) yield { kind: "progress", text: `waiting: ${view.why}` };
    told = view.why ?? told;
    view = await manager.awaitLease(leaseId, Math.ceil(TTL_MS / 3), view.why, signal);
    signal.throwIfAborted();
  }
  if (view.lease.state === "ended") throw endedError(name, view.lease, told);
  yield { kind: "progress", text: `got machine ${view.lease.machineId}, asks its engine` };
  await pingEngine(deps, leaseId, signal);
}

function endedError(name: string, { outcome }: LeaseIn<"ended">, why: string | undefined): MayflyError {
  const reason = why === undefined ? "" : `: ${why}`;
  if (outcome === "wait-timeout")
    return new CapacityError("wait-timeout", `no machine came for ${name} in time${reason}`);
  if (outcome === "shutdown") return new ConflictError("manager-stopping", "the manager is stopping");
  return new CapacityError("lease-ended", `the lease of ${name} ended before its machine came (${outcome})${reason}`);
}

/** Makes the way to the engine. A creator that comes back gets a certificate anew: its key is not kept. */
async function admit(deps: CreateDeps, held: Held, signal: AbortSignal): Promise<ReadyDockerMachine> {
  const { manager, entrance, records } = deps;
  const { id, name, leaseId, poolName } = held.record;
  const { lease } = await manager.awaitLease(leaseId, 0, undefined, signal);
  if (lease.state !== "held") throw new CapacityError("lease-ended", `the lease of ${name} has ended`);
  const machine = await manager.machine(lease.machineId);
  const { url, caPem, certPem, keyPem, fingerprint } = await entrance.admit(name);
  held.record = { ...held.record, fingerprint };
  await records.put(held.record);
  return {
    ...{ id, leaseId, machineId: lease.machineId, poolName, url, caPem, certPem, keyPem },
    address: "address" in machine ? machine.address.host : "127.0.0.1",
    user: machine.guestSettings?.user ?? "",
  };
}
