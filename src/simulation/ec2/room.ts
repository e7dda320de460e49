import type { MachineId } from "../../domain/ids.ts";
import type { PaidMarket } from "../../drivers/ec2/offerings.ts";
import { mixed } from "../draw.ts";
import type { FaultKind } from "../faults/kinds.ts";
import { isAlive } from "../world/truth.ts";
import type { World } from "../world/world.ts";
import type { Instances, Place } from "./instances.ts";
import { zoneOf } from "./site.ts";

/** Why a place has nothing to give: EC2's code and message. */
type NoRoom = readonly [code: string, message: string];
type Touch = (machineId: MachineId, kind: FaultKind) => void;

/** Decides where there is room. */
export interface Room {
  /** For one instance of a request: asks place by place what refuses. */
  refusalsOf(machineIds: readonly MachineId[], market: PaidMarket, touch: Touch): (place: Place) => NoRoom | undefined;
}

/** Creates the room of a world's account: all there is, but for the faults of the moment. */
export function createRoom({ day, faults }: World, instances: Instances): Room {
  const quotaRefusal = (market: PaidMarket): NoRoom =>
    market === "spot"
      ? ["MaxSpotInstanceCountExceeded", "Max spot instance count exceeded"]
      : ["VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit allows"];

  /** What holds for a whole market. */
  const marketRefusal = (machineIds: readonly MachineId[], market: PaidMarket, touch: Touch): NoRoom | undefined => {
    const own = market === "spot" ? "spot-quota" : "vcpu-quota";
    const lowered = faults.strikes("quota-lowered");
    const live = (): number => instances.all().filter(({ instance }) => isAlive(instance)).length;
    const isLow = lowered !== undefined && live() > lowered.fault.value * day.maxMachines;
    const kind = isLow ? "quota-lowered" : faults.strikes("launch-quota") ? "launch-quota" : undefined;
    const struck = kind ?? (faults.strikes(own) ? own : undefined);
    if (struck === undefined) return undefined;
    for (const id of machineIds) touch(id, struck);
    return quotaRefusal(market);
  };

  return {
    refusalsOf(machineIds, market, touch) {
      const whole = marketRefusal(machineIds, market, touch);
      const nothing = faults.strikes("launch-no-capacity") === undefined ? undefined : "launch-no-capacity";
      const empty = nothing ?? (market === "spot" && faults.strikes("spot-empty") ? "spot-empty" : undefined);
      for (const id of empty === undefined ? [] : machineIds) touch(id, empty as FaultKind);
      const some = faults.strikes("offerings-empty")?.fault;
      return ({ type, subnet }) => {
        if (whole !== undefined) return whole;
        const zone = zoneOf(subnet) ?? "";
        // A place that has nothing has nothing for as long as the fault lasts.
        const isOut = some !== undefined && chanceOf(some.index, `${market} ${type} ${zone}`) < 0.25 + some.value / 2;
        for (const id of isOut ? machineIds : []) touch(id, "offerings-empty");
        const isEmptyZone = day.provider.ec2?.emptyZones.includes(zone) === true;
        return empty === undefined && !isOut && !isEmptyZone
          ? undefined
          : ["InsufficientInstanceCapacity", `We currently do not have sufficient ${type} capacity in ${zone}.`];
      };
    },
  };
}

const chanceOf = (seed: number, place: string): number => mixed(seed, place) / 2 ** 32;
