import { MachineLostError, NotFoundError, TransientError } from "../../domain/errors.ts";
import type { MachineId } from "../../domain/ids.ts";
import { withHardDeadline } from "../../ports/deadline.ts";
import { desiredPool } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";
import type { LiveGuest } from "../health/guests.ts";

/** Machines that fetch at a time: all of them share the way to a registry. */
const AT_ONCE = 8;
/** How long one image may take on one machine; extracting 480 MB took 204 s under software emulation (November 2026). */
const FETCH_DEADLINE_MS = 15 * 60_000;

const preloadTask = (id: MachineId): string => `preload ${id}`;

/**
 * Has idle machines fetch what their pools wish for on them and they lack. Whoever takes a machine meanwhile gets it at once: what it
 * fetches is called off by the very commit of the lease.
 */
export function startPreloads(fleet: Fleet): void {
  for (const { name, preload = [] } of fleet.deps.desired().pools) {
    if (preload.length === 0) continue;
    for (const { id, state } of fleet.state.machines(name)) {
      const guest = state === "idle" && !fleet.failedProbes.has(id) ? fleet.guests.get(id) : undefined;
      if (guest === undefined || fleet.preloading.size >= AT_ONCE || fleet.preloading.has(id)) continue;
      if (fleet.preloads.due(name, preload, guest, fleet.deps.clock.now()).length === 0) continue;
      fleet.preloading.add(id);
      fleet.tasks.start(preloadTask(id), (signal) =>
        fetchMissing(fleet, name, id, guest, signal).finally(() => fleet.preloading.delete(id)),
      );
    }
  }
}

async function fetchMissing(
  fleet: Fleet,
  poolName: string,
  id: MachineId,
  guest: LiveGuest,
  signal: AbortSignal,
): Promise<void> {
  const taken = new AbortController();
  const stopListening = fleet.changes.listen(id, () => {
    if (fleet.state.machine(id)?.state !== "idle") taken.abort(new Error("the machine is not idle any more"));
  });
  const either = AbortSignal.any([signal, taken.signal, guest.lost]);
  try {
    // What is wished for may change meanwhile, and others may find that an image cannot be had.
    for (let image = nextOf(fleet, poolName, guest); image !== undefined; image = nextOf(fleet, poolName, guest))
      await provideImage(fleet, poolName, id, guest, image, either);
  } catch (error) {
    if (!either.aborted && !(error instanceof MachineLostError)) throw error;
  } finally {
    stopListening();
  }
}

const nextOf = (fleet: Fleet, poolName: string, guest: LiveGuest): string | undefined =>
  fleet.preloads.due(poolName, desiredPool(fleet, poolName)?.preload ?? [], guest, fleet.deps.clock.now())[0];

/** Looks for an image, and fetches it where it may. @throws MachineLostError; the signal's reason. */
async function provideImage(
  { deps: { clock, logger }, preloads }: Fleet,
  poolName: string,
  machineId: MachineId,
  guest: LiveGuest,
  image: string,
  signal: AbortSignal,
): Promise<void> {
  const { engine } = guest;
  const startedAt = clock.now();
  const late = (): Error =>
    new TransientError("preload-timeout", `it was not there within ${FETCH_DEADLINE_MS / 60_000} minutes`);
  try {
    await withHardDeadline(clock, FETCH_DEADLINE_MS, late, signal, async (bounded) => {
      const wasThere = await isThere(engine, image, bounded);
      preloads.noteLook(guest, image, wasThere);
      if (wasThere || !preloads.mayFetch(poolName, image, clock.now())) return;
      await engine.pull(image, undefined, () => undefined, bounded);
      preloads.noteFetched(poolName, image, guest);
      logger.info({ machineId, poolName, image, tookMs: clock.now() - startedAt }, "preloaded image");
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof MachineLostError) throw error;
    const problem = error instanceof Error ? error.message : String(error);
    preloads.noteLook(guest, image, false);
    preloads.noteFailed(poolName, image, problem, startedAt, clock.now());
    logger.warn({ machineId, poolName, image, problem }, "could not preload an image, will try again");
  }
}

async function isThere(engine: LiveGuest["engine"], image: string, signal: AbortSignal): Promise<boolean> {
  try {
    await engine.inspectImage(image, signal);
    return true;
  } catch (error) {
    if (error instanceof NotFoundError) return false;
    throw error;
  }
}
