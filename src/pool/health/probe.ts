import { MachineLostError, TransientError } from "../../domain/errors.ts";
import type { EpochMs, MachineId } from "../../domain/ids.ts";
import type { LiveMachine } from "../../domain/machine.ts";
import { withHardDeadline } from "../../ports/deadline.ts";
import { desiredPool, nudge } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";
import { retireMachine } from "../terminate.ts";

/** Longest pause between two probes of a machine whose last probe failed; of an idle one it is the fleet's pace. */
const DOUBTED_PROBE_MS = 10_000;
/** Probes in one orphan timeout: some may fail before a machine takes itself for forgotten. */
const PROBES_PER_ORPHAN_TIMEOUT = 6;
/** How long a machine may take to answer one probe. */
const PROBE_DEADLINE_MS = 20_000;
/** An idle machine whose probe failed so often in a row is unfit. */
const MAX_FAILED_PROBES = 2;
/** Probes at once: a thousand machines must not all be asked in the same instant. */
const PROBES_AT_ONCE = 50;

/** Tells the machines with a kept channel, again and again, that their manager lives, and asks whether their engines do. */
export async function runProbes(fleet: Fleet, signal: AbortSignal): Promise<void> {
  const probedAt = new Map<MachineId, EpochMs>();
  while (!signal.aborted) {
    const now = fleet.deps.clock.now();
    const due = kept(fleet).filter((machine) => dueAt(fleet, machine, probedAt, now) <= now);
    for (let i = 0; i < due.length; i += PROBES_AT_ONCE) {
      const batch = due.slice(i, i + PROBES_AT_ONCE);
      await Promise.all(batch.map(({ id }) => probeMachine(fleet, id, signal)));
      for (const { id } of batch) probedAt.set(id, now);
    }
    for (const id of probedAt.keys()) if (fleet.guests.get(id) === undefined) probedAt.delete(id);
    const pauseMs = fleet.failedProbes.size > 0 ? DOUBTED_PROBE_MS : fleet.pace.probeMs;
    await fleet.deps.clock.sleep(pauseMs, signal).catch(() => undefined);
  }
}

const kept = (fleet: Fleet): LiveMachine[] =>
  fleet.state.machines().filter((machine) => fleet.guests.get(machine.id) !== undefined);

function dueAt(fleet: Fleet, machine: LiveMachine, probedAt: ReadonlyMap<MachineId, EpochMs>, now: EpochMs): EpochMs {
  const lastAt = probedAt.get(machine.id);
  if (lastAt === undefined || machine.state !== "leased" || fleet.failedProbes.has(machine.id)) return now;
  const orphanTimeoutMs = desiredPool(fleet, machine.poolName)?.orphanTimeoutMs ?? 0;
  // Rounds come once a pause: the last one that is early enough.
  return lastAt + orphanTimeoutMs / PROBES_PER_ORPHAN_TIMEOUT - fleet.pace.probeMs;
}

async function probeMachine(fleet: Fleet, id: MachineId, signal: AbortSignal): Promise<void> {
  const { clock, guest, logger } = fleet.deps;
  const live = fleet.guests.get(id);
  if (live === undefined) return;
  const late = (): TransientError =>
    new TransientError("probe-timeout", `no answer to a probe within ${PROBE_DEADLINE_MS / 1000} s`);
  try {
    await withHardDeadline(clock, PROBE_DEADLINE_MS, late, signal, (bounded) => guest.probe(live, bounded));
    if (fleet.failedProbes.delete(id)) nudge(fleet);
  } catch (error) {
    if (signal.aborted || fleet.guests.get(id) !== live) return;
    const failures = (fleet.failedProbes.get(id) ?? 0) + 1;
    fleet.failedProbes.set(id, failures);
    logger.warn({ machineId: id, failures, err: error }, "probe failed");
    const isLost = error instanceof MachineLostError;
    if (failures < MAX_FAILED_PROBES && !isLost) return;
    const detail = error instanceof Error ? error.message : String(error);
    // A job may restart its engine: only the end of its channel, or of its lease, ends a leased machine.
    const isIdle = ({ state }: LiveMachine): boolean => state === "idle";
    await retireMachine(fleet, id, isLost ? "channel-lost" : "engine-lost", detail, isIdle);
  }
}
