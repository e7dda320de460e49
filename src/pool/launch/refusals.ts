import { CapacityError, MayflyError } from "../../domain/errors.ts";
import type { MachineIn } from "../../domain/machine.ts";
import type { Fleet } from "../fleet.ts";

/** Pause of a pool's launches after a refusal; doubles with each further one up to the bound, less a random part. */
const REFUSAL_PAUSE_MS = 5_000;
const REFUSAL_PAUSE_MAX_MS = 60_000;

/** Notes that a launch failed: the pool pauses. Launches that went out together and fail together count once. */
export function noteRefusal(fleet: Fleet, machine: MachineIn<"requested">, error: unknown): void {
  const { clock, random, logger } = fleet.deps;
  const notes = fleet.state.notes(machine.poolName);
  const now = clock.now();
  notes.launchProblem = error instanceof Error ? error.message : String(error);
  if (machine.requestedAt > notes.refusedAt) {
    notes.refusals += 1;
    const boundMs = Math.min(REFUSAL_PAUSE_MAX_MS, REFUSAL_PAUSE_MS * 2 ** Math.min(notes.refusals - 1, 16));
    notes.launchesPausedUntil = now + Math.round(boundMs * (0.75 + random.fraction() / 4));
    notes.refusedAt = now;
  }
  const level = error instanceof CapacityError ? "info" : error instanceof MayflyError ? "warn" : "error";
  const { id: machineId, poolName } = machine;
  const pauseMs = Math.max(0, notes.launchesPausedUntil - now);
  logger[level]({ machineId, poolName, problem: notes.launchProblem, pauseMs }, "launch refused");
}

/** Notes that a launch went well. One that went out before the last refusal says nothing of what came after it. */
export function noteAccepted(fleet: Fleet, machine: MachineIn<"requested">): void {
  const notes = fleet.state.notes(machine.poolName);
  if (machine.requestedAt <= notes.refusedAt) return;
  Object.assign(notes, { refusals: 0, launchProblem: "", launchesPausedUntil: 0 });
}
