import { ConflictError, NotFoundError } from "../../domain/errors.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DockerMachineRecords, LookAtDirectory } from "../../ports/dockerMachines.ts";
import type { Logger } from "../../ports/logger.ts";
import type { Manager } from "../../ports/manager.ts";
import type { Held } from "./held.ts";

/** The leases are renewed this often: a quarter of what they live. */
const ROUND_MS = 15_000;
/** How long a creator may take to come back to the next manager. */
const PARTED_MS = 120_000;
/** The default of job_timeout, for a machine whose pool was removed while somebody held it. */
const REMOVED_TIMEOUT_MS = 3_600_000;

export interface RoundDeps {
  readonly manager: Pick<Manager, "renewLease">;
  readonly records: DockerMachineRecords;
  readonly look: LookAtDirectory;
  /** As they are now. */
  readonly pools: () => readonly DesiredPool[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly heldById: ReadonlyMap<string, Held>;
  readonly end: (held: Held, why: string) => Promise<void>;
}

/** Renews the leases of held machines, and gives back those that nobody holds any more. Answers how to stop. */
export function startRounds(deps: RoundDeps): () => Promise<void> {
  const { clock, logger, heldById } = deps;
  const stopping = new AbortController();
  const rounds = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await Promise.all(
        [...heldById.values()].map(async (held) => {
          try {
            await attend(deps, held);
          } catch (err) {
            logger.warn({ err, id: held.record.id, name: held.record.name }, "could not look after a held machine");
          }
        }),
      );
      await clock.sleep(ROUND_MS, stopping.signal).catch(() => undefined);
    }
  };
  const ended = rounds();
  return () => {
    stopping.abort();
    return ended;
  };
}

async function attend(deps: RoundDeps, held: Held): Promise<void> {
  if (held.isEnding) return;
  const why = await whyOver(deps, held);
  if (why !== undefined) return deps.end(held, why);
  try {
    await deps.manager.renewLease(held.record.leaseId);
  } catch (error) {
    if (!(error instanceof ConflictError || error instanceof NotFoundError)) throw error;
    // One that is being created asks for its lease a moment after its record is written.
    if (held.record.state === "kept") await deps.end(held, error.message);
  }
}

/** Why a machine is held by nobody any more; undefined while it is. */
async function whyOver(deps: RoundDeps, held: Held): Promise<string | undefined> {
  const { pools, clock } = deps;
  const silentMs = held.connections > 0 ? 0 : clock.monotonic() - held.lastSignAt;
  if (held.record.state === "creating") {
    if (held.isAttended || silentMs < PARTED_MS) return undefined;
    return "its creator did not come back to this manager";
  }
  const seen = await deps.look(held.record);
  if (seen === "there" && !held.record.isSeen && !held.isEnding) {
    held.record = { ...held.record, isSeen: true };
    await deps.records.put(held.record);
  }
  if (seen === "gone" && held.record.isSeen) return "its directory is gone";
  const pool = pools().find(({ name }) => name === held.record.poolName);
  const jobTimeoutMs = pool?.jobTimeoutMs ?? REMOVED_TIMEOUT_MS;
  return silentMs > jobTimeoutMs ? "nobody has asked for it within the pool's job_timeout" : undefined;
}
