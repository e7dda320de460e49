import { SystemError } from "../../domain/errors.ts";
import type { DesiredFleet } from "../../pool/fleet.ts";
import type { Change, Store } from "../../ports/store.ts";
import { wordsOf } from "./words.ts";
import type { World } from "./world.ts";

/** The store as the process of the moment has it: it may be full or slow, and knows nothing of what a dead process still asks. */
export function createWorldStore(world: World): Store {
  const { clock, faults, process, store, truth } = world;
  if (process === undefined) throw new Error("a store belongs to a process");

  const commit = async (changes: readonly Change[], desired: DesiredFleet): Promise<void> => {
    const askedAtMs = clock.monotonic();
    const slow = faults.strikes("disk-slow");
    if (slow !== undefined) await clock.sleep(slow.draw.between(1, 2_000));
    if (faults.strikes("disk-full") !== undefined) throw new SystemError("disk-full", "no space left on the device");
    // The process may have died while the disk was slow: what had not been written then never is.
    if (!process.isAlive()) return;
    await store.commit(changes);
    for (const change of changes) {
      const { about, what } = wordsOf(change);
      world.journal.note(about, what);
    }
    world.tell({ what: "commits", changes, desired });
    truth.keep(changes, process.number, askedAtMs);
  };

  return {
    commit(changes) {
      // The operator may change the limits while the write is on its way: what was decided before goes by the old ones.
      const { desired } = world;
      return process.call("store.commit", () => commit(changes, desired));
    },
    liveMachines: () => process.call("store.liveMachines", () => store.liveMachines()),
    machine: (id) => process.call("store.machine", () => store.machine(id)),
    recentMachines: (limit) => process.call("store.recentMachines", () => store.recentMachines(limit)),
    keysOf: (id) => process.call("store.keysOf", () => store.keysOf(id)),
    openLeases: () => process.call("store.openLeases", () => store.openLeases()),
    lease: (id) => process.call("store.lease", () => store.lease(id)),
    recentLeases: (limit) => process.call("store.recentLeases", () => store.recentLeases(limit)),
    openJobs: () => process.call("store.openJobs", () => store.openJobs()),
    job: (id) => process.call("store.job", () => store.job(id)),
    jobSpec: (id) => process.call("store.jobSpec", () => store.jobSpec(id)),
    recentJobs: (limit) => process.call("store.recentJobs", () => store.recentJobs(limit)),
    jobProgress: (id) => process.call("store.jobProgress", () => store.jobProgress(id)),
    poolModes: () => process.call("store.poolModes", () => store.poolModes()),
    poolMemory: (name) => process.call("store.poolMemory", () => store.poolMemory(name)),
    decisionsOf: (name, limit) => process.call("store.decisionsOf", () => store.decisionsOf(name, limit)),
    shadowMemories: (poolName) => process.call("store.shadowMemories", () => store.shadowMemories(poolName)),
    shadowPeriods: (poolName, name, limit) =>
      process.call("store.shadowPeriods", () => store.shadowPeriods(poolName, name, limit)),
    eventsOf: (id) => process.call("store.eventsOf", () => store.eventsOf(id)),
    close: async () => undefined,
  };
}
