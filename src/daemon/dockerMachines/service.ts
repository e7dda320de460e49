import type { Duplex } from "node:stream";
import { ConflictError, MachineLostError, NotFoundError, TransientError } from "../../domain/errors.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { createSerial } from "../../pool/state/serial.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DockerMachineRecords, DockerMachines, LookAtDirectory } from "../../ports/dockerMachines.ts";
import type { Logger } from "../../ports/logger.ts";
import type { Manager } from "../../ports/manager.ts";
import type { Random } from "../../ports/random.ts";
import type { RunningManager } from "../compose.ts";
import { createMachine } from "./create.ts";
import { openEngine, pingEngine } from "./engine.ts";
import { createEntrance } from "./entrance.ts";
import { heldFrom, viewOf } from "./held.ts";
import type { Held } from "./held.ts";
import { startRounds } from "./rounds.ts";

/** What the machines of docker-machine are held with. */
export interface DockerMachineDeps {
  readonly manager: Pick<
    Manager,
    "acquireLease" | "awaitLease" | "renewLease" | "releaseLease" | "forwardEngine" | "machine"
  >;
  readonly records: DockerMachineRecords;
  readonly look: LookAtDirectory;
  /** As they are now. */
  readonly pools: () => readonly DesiredPool[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The machines of docker-machine, at work. */
export interface DockerMachineService extends DockerMachines {
  /** Ends this process's part alone: machines stay held, for the next manager, as far as their leases do. Idempotent. */
  close(): Promise<void>;
}

/**
 * Takes over the machines that an earlier manager held for directories of docker-machine, and holds further ones.
 *
 * INVARIANTS
 * - A record is on the disk before its lease is asked for, and its lease has ended before it is removed: whatever is between
 *   the two when a manager dies, the next one finds.
 * - A machine that is being created ends with the connection of its creator; a kept one with its directory.
 */
export async function startDockerMachines(deps: DockerMachineDeps): Promise<DockerMachineService> {
  const { manager, clock, logger } = deps;
  const records = inOrder(deps.records);
  const heldById = new Map<string, Held>();
  const closing = new AbortController();

  const open = (fingerprint: string, closed: AbortSignal): Promise<Duplex> | undefined => {
    const held = [...heldById.values()].find(({ record, isEnding }) => record.fingerprint === fingerprint && !isEnding);
    return held === undefined ? undefined : connect(held, closed);
  };
  const connect = async (held: Held, closed: AbortSignal): Promise<Duplex> => {
    held.connections += 1;
    closed.addEventListener(
      "abort",
      () => {
        held.connections -= 1;
        held.lastSignAt = clock.monotonic();
      },
      { once: true },
    );
    return openEngine(deps, held.record.leaseId, AbortSignal.any([closed, held.ended.signal]));
  };
  const entrance = createEntrance({ ...deps, records, open });

  /** Ends a machine and forgets it. A failure leaves it to the next round. */
  const end = async (held: Held, why: string): Promise<void> => {
    held.isEnding = true;
    try {
      await manager.releaseLease(held.record.leaseId).catch((error: unknown) => {
        if (!(error instanceof NotFoundError)) throw error;
      });
      await records.remove(held.record.id);
    } catch (error) {
      held.isEnding = false;
      throw error;
    }
    heldById.delete(held.record.id);
    held.ended.abort(new MachineLostError("machine-ended", `the machine has ended: ${why}`));
    logger.info({ ...viewOf(held), why }, "gave back a machine of docker-machine");
  };
  const found = (id: string): Held => {
    const held = heldById.get(id);
    if (held === undefined || held.isEnding) throw new NotFoundError("unknown-machine", `there is no machine ${id}`);
    return held;
  };

  for (const record of await records.all()) heldById.set(record.id, heldFrom(record, clock.monotonic()));
  if (heldById.size > 0) await entrance.reopen();
  const stopRounds = startRounds({ ...deps, records, heldById, end });

  return {
    create: (request, signal) =>
      createMachine({ ...deps, records, heldById, entrance, end, closing: closing.signal }, request, signal),
    async keep(id) {
      const held = found(id);
      if (held.record.state === "kept") return viewOf(held);
      if (held.record.fingerprint === undefined) {
        throw new ConflictError("machine-not-ready", `machine ${held.record.name} is not ready yet`);
      }
      const isSeen = (await deps.look(held.record)) === "there";
      const before = found(id).record;
      // From here on its creator may go: that no longer ends it.
      held.record = { ...before, state: "kept", isSeen };
      held.lastSignAt = clock.monotonic();
      await records.put(held.record).catch((error: unknown) => {
        held.record = before;
        throw error;
      });
      held.kept.resolve();
      logger.info(viewOf(held), "holds a machine for docker-machine");
      return viewOf(held);
    },
    async probe(id, signal) {
      const held = found(id);
      const problem = entrance.problem();
      if (problem !== "") throw new MachineLostError("engine-unreachable", problem);
      held.lastSignAt = clock.monotonic();
      await pingEngine(deps, held.record.leaseId, signal).catch(async (error: unknown) => {
        // Its lease is over: the rounds would find so a little later.
        if (error instanceof NotFoundError && !held.isEnding) await end(held, error.message);
        throw error;
      });
      return viewOf(found(id));
    },
    async remove(id) {
      const held = heldById.get(id);
      if (held !== undefined && !held.isEnding) await end(held, "docker-machine removed it");
    },
    list: async () => [...heldById.values()].filter(({ isEnding }) => !isEnding).map(viewOf),
    async close() {
      closing.abort(new TransientError("manager-leaves", "the manager stops; the next one goes on"));
      await Promise.all([stopRounds(), entrance.close()]);
    },
  };
}

/** A manager that holds machines for docker-machine too, until it ends or hands over. */
export async function withDockerMachines(
  running: RunningManager,
  deps: Omit<DockerMachineDeps, "manager">,
): Promise<RunningManager> {
  const dockerMachines = await startDockerMachines({ ...deps, manager: running.manager }).catch(
    async (error: unknown) => {
      await running.handOver();
      throw error;
    },
  );
  return {
    ...running,
    dockerMachines,
    async close(force) {
      await dockerMachines.close();
      return running.close(force);
    },
    async handOver() {
      await dockerMachines.close();
      await running.handOver();
    },
  };
}

/** The same records, written one after the other: what is removed is not put back by a write that began before. */
function inOrder(records: DockerMachineRecords): DockerMachineRecords {
  const next = createSerial();
  return {
    ...records,
    put: (record) => next(() => records.put(record)),
    remove: (id) => next(() => records.remove(id)),
    putIdentity: (identity) => next(() => records.putIdentity(identity)),
  };
}
