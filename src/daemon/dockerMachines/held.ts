import type { DockerMachineRecord, DockerMachineView } from "../../ports/dockerMachines.ts";

/** A machine that is held for a directory, in this process. */
export interface Held {
  record: DockerMachineRecord;
  /** When somebody last asked for it, by the monotonic clock. While a connection to its engine is open, somebody does. */
  lastSignAt: number;
  connections: number;
  /** Whether the one who creates it is there; a restart of the manager parts the two for a while. */
  isAttended: boolean;
  /** Its end is under way: nobody finds it any more. */
  isEnding: boolean;
  /** Aborts what is open at its engine. */
  readonly ended: AbortController;
  /** Resolves once it is kept. */
  readonly kept: PromiseWithResolvers<void>;
}

/** Begins to hold a machine. */
export function heldFrom(record: DockerMachineRecord, now: number): Held {
  return {
    record,
    ...{ lastSignAt: now, connections: 0, isAttended: false, isEnding: false },
    ended: new AbortController(),
    kept: Promise.withResolvers<void>(),
  };
}

/** What others may know of it. */
export function viewOf({ record }: Held): DockerMachineView {
  const { id, name, storagePath, poolName, leaseId, state, createdAt } = record;
  return { id, name, storagePath, poolName, leaseId, state, createdAt };
}
