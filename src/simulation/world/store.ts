import { SystemError } from "../../domain/errors.ts";
import type { Change, Store } from "../../ports/store.ts";
import { wordsOf } from "./words.ts";
import type { World } from "./world.ts";

/** The store as the process of the moment has it: it may be full or slow, and knows nothing of what a dead process still asks. */
export function createWorldStore(world: World): Store {
  const { clock, faults, process, store, truth } = world;
  if (process === undefined) throw new Error("a store belongs to a process");

  const commit = async (changes: readonly Change[]): Promise<void> => {
    const slow = faults.strikes("disk-slow");
    if (slow !== undefined) await clock.sleep(slow.draw.between(1, 2_000));
    if (faults.strikes("disk-full") !== undefined) throw new SystemError("disk-full", "no space left on the device");
    // The process may have died while the disk was slow: what had not been written then never is.
    if (!process.isAlive()) return;
    const committed = store.commit(changes);
    await committed;
    for (const words of changes.flatMap(wordsOf)) world.journal.note(words.about, words.what);
    world.tell({ what: "commits", changes });
    truth.keep(changes, process.number);
  };
  const read = <T>(run: () => Promise<T>): Promise<T> => (process.isAlive() ? run() : new Promise(() => undefined));

  return {
    commit: (changes) => process.call("store.commit", () => commit(changes)),
    liveMachines: () => read(() => store.liveMachines()),
    machine: (id) => read(() => store.machine(id)),
    recentMachines: (limit) => read(() => store.recentMachines(limit)),
    keysOf: (id) => read(() => store.keysOf(id)),
    openLeases: () => read(() => store.openLeases()),
    lease: (id) => read(() => store.lease(id)),
    recentLeases: (limit) => read(() => store.recentLeases(limit)),
    openJobs: () => read(() => store.openJobs()),
    job: (id) => read(() => store.job(id)),
    jobSpec: (id) => read(() => store.jobSpec(id)),
    recentJobs: (limit) => read(() => store.recentJobs(limit)),
    jobProgress: (id) => read(() => store.jobProgress(id)),
    poolModes: () => read(() => store.poolModes()),
    eventsOf: (id) => read(() => store.eventsOf(id)),
    close: async () => undefined,
  };
}
