import { TransientError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { YOUNG_MS } from "./options.ts";

/** How long EC2 has shown nothing of instances that are to end. */
export interface Absences {
  /** Notes that a describe was without an instance. Answers why that does not mean yet that it is gone; undefined once it does. */
  problemOf(instanceId: string): TransientError | undefined;
}

const ABSENCE = "not-shown";
/** Whether an error tells no more than that. */
export const isAbsence = (error: unknown): boolean => error instanceof TransientError && error.code === ABSENCE;

/** What is not shown is gone, or is young, or the describe came from where they have not heard of it: time tells. */
export function createAbsences(clock: Clock): Absences {
  const sinceById = new Map<string, number>();
  return {
    problemOf(id) {
      const now = clock.monotonic();
      for (const [other, since] of sinceById) if (now - since > 10 * YOUNG_MS) sinceById.delete(other);
      const since = sinceById.get(id) ?? now;
      sinceById.set(id, since);
      if (now - since >= YOUNG_MS) return undefined;
      return new TransientError(ABSENCE, `EC2 shows nothing of ${id}, which may be young, for ${now - since} ms now`);
    },
  };
}
