import type { CreateFleetCommandInput, CreateFleetCommandOutput } from "@aws-sdk/client-ec2";
import { machineIdFrom } from "../../domain/ids.ts";
import type { MachineId } from "../../domain/ids.ts";
import type { PaidMarket } from "../../drivers/ec2/offerings.ts";
import { CALL_TAG, MACHINE_TAG, OWNER_TAG, POOL_TAG } from "../../drivers/ec2/tags.ts";
import type { FaultKind } from "../faults/kinds.ts";
import type { World } from "../world/world.ts";
import type { Instances, Place } from "./instances.ts";
import { refusal } from "./refusals.ts";
import { createRoom } from "./room.ts";
import { idFrom } from "./site.ts";

/** The account's side of launches. */
export interface Fleets {
  createTemplate(name: string): void;
  deleteTemplates(): void;
  /** Fills what it can, and tells in `Errors` of what it could not. @throws what EC2 refuses altogether. */
  create(input: CreateFleetCommandInput): CreateFleetCommandOutput;
}

/** Opens an account without templates. @param touch notes that a fault struck a machine. */
export function createFleets(
  world: World,
  instances: Instances,
  touch: (machineId: MachineId, kind: FaultKind) => void,
): Fleets {
  const { clock, draw, faults, provider, random } = world;
  const templates = new Set<string>();
  const answers = new Map<string, { readonly request: string; readonly answer: CreateFleetCommandOutput }>();
  const room = createRoom(world, instances);

  const launch = (input: CreateFleetCommandInput, place: Place): string => {
    const { ownerTag, machineIds, poolName, callToken } = tagsOf(input);
    const token = input.ClientToken ?? "";
    const call = callToken === undefined ? undefined : { machineIds, token: callToken };
    const machineId = world.truth.nextOf(machineIds);
    const instance = provider.driverSide.add({ owner: ownerTag, token, machineId, poolName, call });
    const late = faults.strikes("describe-late");
    if (late !== undefined) touch(machineId, "describe-late");
    const habit = world.day.provider.ec2?.showMs ?? [0, 0];
    const showMs = late === undefined ? draw.between(...habit) : late.draw.between(5_000, 45_000);
    const { id, zone } = instances.add(instance, place, clock.now() + showMs);
    world.truth.machine(machineId).instances.push(instance);
    world.journal.note(`${machineId} ${instance.providerId}`, `instance launched: ${place.market} in ${zone}`);
    world.tell({ what: "launched", instance });
    return id;
  };

  const fill = (input: CreateFleetCommandInput): CreateFleetCommandOutput => {
    const [config] = input.LaunchTemplateConfigs ?? [];
    const name = config?.LaunchTemplateSpecification?.LaunchTemplateName ?? "";
    if (!templates.has(name))
      throw refusal("InvalidLaunchTemplateName.NotFoundException", `The launch template ${name} does not exist.`);
    const { machineIds } = tagsOf(input);
    if (faults.strikes("fleet-quota") !== undefined) {
      for (const id of machineIds) touch(id, "fleet-quota");
      world.tell({ what: "ec2-had-no-room", market: marketOf(input) });
      throw refusal("MaxFleetCountExceeded", "The maximum number of fleets is reached.");
    }
    const market = marketOf(input);
    const wanted = wantedBy(input);
    let left = wanted;
    // What refuses may come in between two instances of one fleet, which is filled in part then.
    let refuse = room.refusalsOf(machineIds, market, touch);
    const Errors: NonNullable<CreateFleetCommandOutput["Errors"]> = [];
    const Instances: NonNullable<CreateFleetCommandOutput["Instances"]> = [];
    for (const override of shuffled(config?.Overrides ?? [])) {
      if (left === 0) break;
      const { InstanceType: type = "", SubnetId: subnet = "" } = override;
      const LaunchTemplateAndOverrides = { Overrides: override };
      const InstanceIds: string[] = [];
      let refused = refuse({ type, subnet, market });
      for (; left > 0 && refused === undefined; left -= 1) {
        InstanceIds.push(launch(input, { type, subnet, market }));
        if (left === 1) continue;
        refuse = room.refusalsOf(machineIds, market, touch);
        refused = refuse({ type, subnet, market });
      }
      if (InstanceIds.length > 0) Instances.push({ LaunchTemplateAndOverrides, Lifecycle: market, InstanceIds });
      if (refused === undefined) continue;
      const [ErrorCode, ErrorMessage] = refused;
      Errors.push({ LaunchTemplateAndOverrides, Lifecycle: market, ErrorCode, ErrorMessage });
    }
    if (wanted > 1) world.journal.note(machineIds.join(" "), `a fleet of ${wanted} brought ${wanted - left}`);
    if (left > 0) {
      const codes = [...new Set(Errors.map((one) => one.ErrorCode))].join(", ");
      world.journal.note(machineIds.join(" "), `no ${market} room for ${left} of ${wanted}: ${codes}`);
      world.tell({ what: "ec2-had-no-room", market });
    }
    return { $metadata: {}, Errors, Instances, FleetId: idFrom("fleet", random) };
  };
  const shuffled = <T>(items: readonly T[]): T[] =>
    items
      .map((item) => ({ item, at: draw.fraction() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item);

  return {
    createTemplate(name) {
      if (templates.has(name))
        throw refusal("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.");
      templates.add(name);
    },
    deleteTemplates: () => templates.clear(),
    create(input) {
      const { ClientToken = "", ...rest } = input;
      const request = JSON.stringify(rest);
      const known = answers.get(ClientToken);
      if (known === undefined) {
        const answer = fill(input);
        answers.set(ClientToken, { request, answer });
        return answer;
      }
      if (known.request === request) {
        // What had no room then has none now, under this token.
        if (countOf(known.answer) < wantedBy(input)) world.tell({ what: "ec2-had-no-room", market: marketOf(input) });
        return known.answer;
      }
      throw refusal("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent.");
    },
  };
}

const wantedBy = ({ TargetCapacitySpecification }: CreateFleetCommandInput): number =>
  TargetCapacitySpecification?.TotalTargetCapacity ?? 0;

const countOf = ({ Instances = [] }: CreateFleetCommandOutput): number =>
  Instances.reduce((sum, { InstanceIds = [] }) => sum + InstanceIds.length, 0);

/** The market that a request wants. */
export const marketOf = ({ TargetCapacitySpecification }: CreateFleetCommandInput): PaidMarket =>
  TargetCapacitySpecification?.DefaultTargetCapacityType === "spot" ? "spot" : "on-demand";

/** The machines that a request is for, by the tags on it. @throws Error when it bears none: such an instance would be nobody's. */
export function tagsOf({ TagSpecifications = [] }: CreateFleetCommandInput) {
  const tags = TagSpecifications.find(({ ResourceType }) => ResourceType === "instance")?.Tags ?? [];
  const valueAt = (key: string): string | undefined => tags.find(({ Key }) => Key === key)?.Value;
  const textOf = (key: string): string => {
    const value = valueAt(key);
    if (value === undefined) throw new Error(`a launch without the tag ${key}`);
    return value;
  };
  return {
    ownerTag: textOf(OWNER_TAG),
    poolName: textOf(POOL_TAG),
    machineIds: textOf(MACHINE_TAG).split(" ").map(machineIdFrom),
    callToken: valueAt(CALL_TAG),
  };
}
