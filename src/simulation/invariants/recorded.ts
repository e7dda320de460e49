import type { MachineId } from "../../domain/ids.ts";
import type { Change } from "../../ports/store.ts";
import type { Check } from "../world/happening.ts";
import type { World } from "../world/world.ts";

/** I9: every launch, stop, start and termination has a recorded reason and cause, and stands in the store before the provider is asked. */
export function createRecordedCheck({ truth }: World): Check {
  const reaped = new Set<MachineId>();

  return (happening) => {
    switch (happening.what) {
      case "called": {
        const { verb, machineIds, token } = happening;
        // Of several that one call is for, some may have been given up since the call was decided.
        const isWanted = machineIds.some((one) => truth.machine(one).record?.state === "requested");
        for (const id of machineIds) {
          const { record } = truth.machine(id);
          if (verb === "launch" && (!isWanted || record?.launchToken !== token))
            return `a launch of ${id} is asked for, but the store has ${record === undefined ? "no such machine" : `it as ${record.state}`}`;
          if (verb === "stop" && record?.state !== "stopping")
            return `a stop of ${id} is asked for, but the store has it as ${record?.state}`;
          if (verb === "start" && record?.state !== "starting")
            return `a start of ${id} is asked for, but the store has it as ${record?.state}`;
          const isKnown = record !== undefined && record.state !== "terminated";
          if (verb === "terminate" && isKnown && record.state !== "terminating")
            return `a termination of ${id} is asked for, but the store has it as ${record.state}`;
          if (verb === "terminate" && !isKnown && !reaped.has(id))
            return `a termination of ${id} is asked for, but the store says nothing of why`;
        }
        return undefined;
      }
      case "commits":
        for (const change of happening.changes) {
          if (
            change.kind === "event" &&
            change.event.what === "instance reaped" &&
            change.event.machineId !== undefined
          )
            reaped.add(change.event.machineId);
          const id = movedOf(change);
          if (id !== undefined && !hasEvent(happening.changes, id)) return `${id} moves without a recorded reason`;
        }
        return undefined;
      default:
        return undefined;
    }
  };
}

/** The machine that is launched, retired or gone by a change. */
function movedOf(change: Change): MachineId | undefined {
  if (change.kind === "machine-added") return change.machine.id;
  return change.kind === "machine-moved" && change.from !== change.machine.state ? change.machine.id : undefined;
}

const hasEvent = (changes: readonly Change[], id: MachineId): boolean =>
  changes.some((change) => change.kind === "event" && change.event.machineId === id && change.event.detail !== "");
