import type { EpochMs, MachineId } from "../../domain/ids.ts";
import type { Machine } from "../../domain/machine.ts";
import type { ProviderInstance } from "../provider.ts";
import type { Happening } from "../world/happening.ts";
import type { World } from "../world/world.ts";

/** How long machines really ran, as far as their manager can know: what its records have as stopped runs on unknown to it. */
export interface Runs {
  see(happening: Happening): void;
  /** Between two instants, in milliseconds. */
  ranMs(id: MachineId, from: EpochMs, to: EpochMs): number;
}

interface Run {
  readonly from: EpochMs;
  until: EpochMs;
}

/** Creates the memory of a world's runs. */
export function createRuns({ truth, clock }: World): Runs {
  const byInstance = new WeakMap<ProviderInstance, Run[]>();
  const begin = (instance: ProviderInstance): void => {
    const runs = byInstance.get(instance) ?? [];
    byInstance.set(instance, [...runs, { from: clock.now(), until: Infinity }]);
  };

  return {
    see(happening) {
      if (happening.what === "launched") begin(happening.instance);
      // A start that was given up may have its effect after the next stop.
      const isBelieved = (state: Machine["state"] | undefined): boolean => state !== "stopping" && state !== "stopped";
      if (happening.what === "started" && isBelieved(truth.machine(happening.instance.machineId).record?.state))
        begin(happening.instance);
      if (happening.what !== "commits") return;
      for (const change of happening.changes) {
        if (change.kind !== "machine-moved" || change.machine.state !== "stopping") continue;
        const instance = instanceOf(truth.machine(change.machine.id).instances, change.machine);
        const last = instance && byInstance.get(instance)?.at(-1);
        if (last !== undefined) last.until = Math.min(last.until, change.machine.stoppingSince);
      }
    },
    ranMs(id, from, to) {
      const { record, instances } = truth.machine(id);
      const instance = record && instanceOf(instances, record);
      if (record === undefined || instance === undefined) return 0;
      // One that its provider denied, and so was given up, runs on unknown to the manager.
      const end = Math.min(to, instance.goneAt ?? to, record.state === "terminated" ? record.terminatedAt : to);
      const runs = byInstance.get(instance) ?? [];
      return runs.reduce((sum, run) => sum + Math.max(0, Math.min(end, run.until) - Math.max(from, run.from)), 0);
    },
  };
}

const instanceOf = (instances: readonly ProviderInstance[], machine: Machine): ProviderInstance | undefined =>
  "providerId" in machine ? instances.find(({ providerId }) => providerId === machine.providerId) : undefined;
