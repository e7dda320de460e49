import type { EpochMs } from "../domain/ids.ts";
import type { Machine } from "../domain/machine.ts";
import type { DriverName } from "../domain/shape.ts";
import type { Clock } from "../ports/clock.ts";
import type { Driver, Instance } from "../ports/driver.ts";
import type { InstanceView } from "../ports/manager.ts";
import type { Store } from "../ports/store.ts";

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

/**
 * Holds what the providers show under our tag against what the store knows. Changes nothing. By driver, in the order of the
 * lists; what is not in them last. @throws what a list throws: an audit of a part would be none.
 */
export async function auditInstances(ports: AuditPorts, signal: AbortSignal): Promise<readonly InstanceView[]> {
  const audits: InstanceView[] = [];
  for (const name of ports.drivers.keys()) {
    // The list comes first: whatever is in it had its record before it was launched.
    const instances = await ports.call(name, "list", signal, (driver, bounded) => driver.list(bounded));
    const live = (await ports.store.liveMachines()).filter(({ driver }) => driver === name);
    for (const instance of instances) audits.push(await judge(ports, name, instance, live));
    audits.push(...missingFrom(instances, live));
  }
  return audits;
}

/**
 * Ends the strangers among the instances at once, on the word of one list: an operator has looked. The others are left alone.
 * Answers the audit, each stranger with what became of it.
 */
export async function reapStrangersNow(ports: AuditPorts, signal: AbortSignal): Promise<readonly InstanceView[]> {
  const audits = await auditInstances(ports, signal);
  const reaped: InstanceView[] = [];
  for (const view of audits) reaped.push(view.verdict === "stranger" ? await reap(ports, view, signal) : view);
  return reaped;
}

async function reap(ports: AuditPorts, view: InstanceView, signal: AbortSignal): Promise<InstanceView> {
  const { driver: name, providerId, machineId, poolName, what } = view;
  const event = {
    at: ports.clock.now(),
    machineId,
    poolName,
    what: "instance reaped",
    detail: `by an operator: ${what}`,
  };
  try {
    await ports.store.commit([{ kind: "event", event }]);
    await ports.call(name, "terminate", signal, (driver, bounded) => driver.terminate([providerId], bounded));
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
