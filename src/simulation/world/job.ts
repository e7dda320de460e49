import type { JobEnd } from "../../domain/job.ts";
import type { LeaseId, MachineId } from "../../domain/ids.ts";
import type { PlannedJob } from "./day.ts";

/** How a job of a simulated day stands, as its front door knows it. */
export interface LiveJob {
  readonly plan: PlannedJob;
  /** The manager has answered that it has it. */
  isAccepted: boolean;
  /** The manager, or the lack of one, turned it away before it had accepted it. */
  isTurnedAway: boolean;
  leaseId: LeaseId | undefined;
  machineId: MachineId | undefined;
  /** When its work on a machine began, in milliseconds since the day's start. */
  beganAtMs: number | undefined;
  end: JobEnd["result"] | undefined;
  /** Ends told so far: more than one breaks a promise. */
  endCount: number;
  /** Its front door died: nobody is left to be told of an end. */
  isOrphaned: boolean;
  readonly stop: AbortController;
}

/** A job that has just come. */
export const liveJobFrom = (plan: PlannedJob): LiveJob => ({
  plan,
  isAccepted: false,
  isTurnedAway: false,
  leaseId: undefined,
  machineId: undefined,
  beganAtMs: undefined,
  end: undefined,
  endCount: 0,
  isOrphaned: false,
  stop: new AbortController(),
});
