import type { MachineIn } from "../../domain/machine.ts";
import type { FaultKind } from "../faults/kinds.ts";
import type { Check } from "../world/happening.ts";
import { isRunning } from "../provider.ts";
import { isAlive } from "../world/truth.ts";
import type { MachineTruth } from "../world/truth.ts";
import type { World } from "../world/world.ts";

const LAUNCH_FAULTS: readonly FaultKind[] = [
  "launch-no-capacity",
  "launch-quota",
  "launch-throttled",
  "launch-answer-late",
  "launch-answer-lost",
  "launch-answer-cut",
  "launch-effect-late",
  "quota-lowered",
  "calls-throttled",
  "manager-stands-still",
  "fleet-quota",
  "list-fails",
  "list-hangs",
  "server-errors",
  "answers-cut",
];
const BOOT_FAULTS: readonly FaultKind[] = ["boot-slow", "boot-hangs", "boot-dies", "boot-unreachable", "partition"];

/** I7: an API failure is never read as "the machine is gone", and nothing is ended for a reason that is not so. */
export function createNoRashEndCheck(world: World): Check {
  return (happening) => {
    if (happening.what !== "commits") return undefined;
    for (const change of happening.changes) {
      if (change.kind !== "machine-moved" || change.machine.state !== "terminating" || change.from === "terminating")
        continue;
      const { machine } = change;
      const text = complaint(world, world.truth.machine(machine.id), machine);
      if (text !== undefined) return `${machine.id} is retired as ${machine.reason} (${machine.detail}), but ${text}`;
    }
    return undefined;
  };
}

function complaint(world: World, machine: MachineTruth, next: MachineIn<"terminating">): string | undefined {
  const nowMs = world.clock.monotonic();
  const isTouched = (kinds: readonly FaultKind[]): boolean => kinds.some((kind) => machine.touches.has(kind));
  const hasInstance = machine.instances.some(isAlive);
  const from = machine.record?.state;
  const pool = world.day.pools.find(({ name }) => name === next.poolName);
  switch (next.reason) {
    case "instance-gone":
      return hasInstance ? "its instance is there" : undefined;
    case "launch-failed":
      return isTouched(LAUNCH_FAULTS) || !hasInstance ? undefined : "its launch was not refused";
    case "boot-timeout": {
      const sinceMs = from === "starting" ? machine.startAskedAtMs : machine.addedAtMs;
      const isLate = nowMs - sinceMs >= (pool?.bootTimeoutMs ?? 0) - 1_500;
      return isLate ? undefined : "its boot had time left";
    }
    case "boot-failed":
      return !hasInstance || isTouched(BOOT_FAULTS) ? undefined : "its boot was well";
    case "host-key-changed":
      return "its host key is the same";
    case "channel-lost":
      return !hasInstance || isTouched(["channel-cut", "partition", "spot-notice"])
        ? undefined
        : "nothing cut its channel";
    case "engine-lost":
      if (from === "leased") return "its job may start the engine again";
      return isTouched(["engine-dead", "partition"]) || !hasInstance ? undefined : "its engine is well";
    case "interrupted":
      return isTouched(["spot-notice"]) ? undefined : "no notice was given";
    case "rebalance-recommended":
      return "nothing was recommended";
    case "stop-failed":
      return from === "stopping" ? undefined : "it was not to be stopped";
    case "start-failed":
      return from === "starting" && (isTouched(["start-no-capacity"]) || !hasInstance)
        ? undefined
        : "its start was not refused";
    case "not-stopped":
      // A start that was asked for long ago may have its effect after the next stop.
      return machine.instances.some(isRunning) ? undefined : "its provider has it as stopped";
    case "surplus-stopped":
      return from === "stopped" ? undefined : `it is ${from}`;
    case "surplus-idle":
    case "max-age":
    case "pool-changed":
      return from === "leased" ? "it is leased" : undefined;
    case "pool-drained":
    case "pool-removed":
      return from === "leased" ? "it is leased" : undefined;
    case "operator":
      return machine.isEndedByOperator ? undefined : "no operator asked for it";
    case "left-over":
      if (machine.addedBy === world.process?.number) return "it is no left-over";
      return from === "idle" && hasInstance && !isTouched(["partition", "engine-dead"])
        ? "it is idle and well"
        : undefined;
    case "shutdown":
      return world.isStopping ? undefined : "the manager is not stopping";
    case "job-finished":
    case "job-cancelled":
    case "job-timeout":
    case "lease-released":
    case "lease-lapsed":
      return undefined;
  }
}
