import { machineIdFrom } from "../../domain/ids.ts";
import type { EpochMs } from "../../domain/ids.ts";
import type { Machine } from "../../domain/machine.ts";
import type { DriverName } from "../../domain/shape.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Driver, Instance, Leftover } from "../../ports/driver.ts";
import type { InstanceView } from "../../ports/manager.ts";
import type { Store } from "../../ports/store.ts";
import { tellApart } from "../shared.ts";

/** How long lists may go on showing what was terminated. */
const STALE_MS = 30_000;

/** What an audit reaches the world through: of a running manager, or of a sweeper where none runs. */
export interface AuditPorts {
  readonly drivers: ReadonlyMap<DriverName, Driver>;
  readonly store: Pick<Store, "liveMachines" | "machine" | "commit">;
  readonly clock: Clock;
  /** Makes one call of a driver, bounded. */
  call<T>(
    name: DriverName,
    verb: "list" | "terminate",
    signal: AbortSignal,
    run: (driver: Driver, signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
}

/** One line of an audit; what is no instance is ended in another way. */
interface Audit {
  readonly view: InstanceView;
  readonly isLeftover: boolean;
}

/**
 * Holds what the providers show under our tag against what the store knows. Changes nothing. By driver, in the order of the
 * lists; what is not in them, and what is left over beside instances, last. @throws what a list throws: an audit of a part would be none.
 */
export async function auditInstances(ports: AuditPorts, signal: AbortSignal): Promise<readonly InstanceView[]> {
  return (await audit(ports, signal)).map(({ view }) => view);
}

async function audit(ports: AuditPorts, signal: AbortSignal): Promise<readonly Audit[]> {
  const audits: Audit[] = [];
  for (const name of ports.drivers.keys()) {
    // The list comes first: whatever is in it had its record before it was launched.
    const instances = await ports.call(name, "list", signal, (driver, bounded) => driver.list(bounded));
    const live = (await ports.store.liveMachines()).filter(({ driver }) => driver === name);
    const liveById = new Map(live.map((machine) => [machine.id, machine]));
    const told = await tellApart(
      instances,
      (id) => liveById.get(id),
      (id) => ports.store.machine(id),
    );
    const views: InstanceView[] = [];
    for (const instance of told) views.push(await judge(ports, name, instance, live));
    views.push(...missingFrom(instances, live));
    const leftovers = await ports.call(
      name,
      "list",
      signal,
      async (driver, bounded) => (await driver.listLeftovers?.(bounded)) ?? [],
    );
    audits.push(...views.map((view) => ({ view, isLeftover: false })));
    audits.push(...leftovers.map((leftover) => ({ view: viewFrom(name, leftover), isLeftover: true })));
  }
  return audits;
}

const viewFrom = (
  driver: DriverName,
  { id, machineId = machineIdFrom("unknown"), poolName = "unknown", createdAt, what }: Leftover,
): InstanceView => ({ driver, providerId: id, machineId, poolName, launchedAt: createdAt, verdict: "stranger", what });

/**
 * Ends the strangers among the instances, and what is left over beside them, at once, on the word of one list: an operator has looked. The others are left alone.
 * Answers the audit, each stranger with what became of it.
 */
export async function reapStrangersNow(ports: AuditPorts, signal: AbortSignal): Promise<readonly InstanceView[]> {
  const audits = await audit(ports, signal);
  const reaped: InstanceView[] = [];
  for (const one of audits) reaped.push(one.view.verdict === "stranger" ? await reap(ports, one, signal) : one.view);
  return reaped;
}

async function reap(ports: AuditPorts, { view, isLeftover }: Audit, signal: AbortSignal): Promise<InstanceView> {
  const { driver: name, providerId, machineId, poolName, what } = view;
  const event = {
    at: ports.clock.now(),
    machineId,
    poolName,
    what: isLeftover ? "leftover removed" : "instance reaped",
    detail: `by an operator: ${what}`,
  };
  try {
    await ports.store.commit([{ kind: "event", event }]);
    await ports.call(name, "terminate", signal, async (driver, bounded) =>
      isLeftover ? driver.removeLeftover?.(providerId, bounded) : driver.terminate([providerId], bounded),
    );
    return { ...view, outcome: "ended" };
  } catch (error) {
    signal.throwIfAborted();
    return { ...view, outcome: `not ended: ${error instanceof Error ? error.message : String(error)}` };
  }
}

async function judge(
  { store, clock }: AuditPorts,
  driver: DriverName,
  instance: Instance,
  live: readonly Machine[],
): Promise<InstanceView> {
  const { providerId, machineId, poolName, launchedAt, state } = instance;
  const view = { driver, providerId, machineId, poolName, launchedAt, state };
  const machine = live.find(({ id }) => id === machineId);
  const knownId = machine === undefined || machine.state === "requested" ? undefined : machine.providerId;
  if (machine !== undefined && (knownId === undefined || knownId === providerId))
    return { ...view, verdict: "ours", what: phraseOf(machine) };
  if (state === "ending") return { ...view, verdict: "ending", what: "on its way out at the provider" };
  if (machine !== undefined)
    return { ...view, verdict: "stranger", what: `a second instance of ${machineId}, whose own is ${knownId}` };
  return { ...view, ...judgeUnknown(await store.machine(machineId), providerId, clock.now()) };
}

function judgeUnknown(
  machine: Machine | undefined,
  providerId: string,
  now: EpochMs,
): Pick<InstanceView, "verdict" | "what"> {
  if (machine?.state !== "terminated") return { verdict: "stranger", what: "no record knows it" };
  const agoMs = now - machine.terminatedAt;
  const ago = `${Math.round(agoMs / 1000)} s ago`;
  if (machine.providerId === providerId && agoMs < STALE_MS)
    return { verdict: "ending", what: `terminated ${ago}: ${machine.reason}` };
  return { verdict: "stranger", what: `its record says that it was terminated ${ago}: ${machine.reason}` };
}

/** Live records whose instance the provider does not show; the manager itself ends them, after more than one look. */
function missingFrom(instances: readonly Instance[], live: readonly Machine[]): InstanceView[] {
  const shown = new Set(instances.map(({ providerId }) => providerId));
  return live.flatMap((machine): InstanceView[] => {
    const providerId = machine.state === "requested" ? undefined : machine.providerId;
    if (providerId === undefined || shown.has(providerId)) return [];
    const { driver, id: machineId, poolName } = machine;
    const what = `${phraseOf(machine)}, and not in the provider's list`;
    return [{ driver, providerId, machineId, poolName, verdict: "missing", what }];
  });
}

function phraseOf(machine: Machine): string {
  if (machine.state === "leased") return `leased, lease ${machine.leaseId}`;
  return machine.state === "terminating" ? `terminating: ${machine.reason}` : machine.state;
}
