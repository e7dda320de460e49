import type { CreateFleetCommandInput, CreateFleetCommandOutput } from "@aws-sdk/client-ec2";
import { machineIdFrom } from "../../domain/ids.ts";
import type { MachineId } from "../../domain/ids.ts";
import type { PaidMarket } from "../../drivers/ec2/offerings.ts";
import { MACHINE_TAG, OWNER_TAG, POOL_TAG } from "../../drivers/ec2/tags.ts";
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
    const { ownerTag, machineId, poolName } = tagsOf(input);
    const token = input.ClientToken ?? "";
    const instance = provider.driverSide.add({ owner: ownerTag, token, machineId, poolName });
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
    const { machineId } = tagsOf(input);
    if (faults.strikes("fleet-quota") !== undefined) {
      touch(machineId, "fleet-quota");
      world.tell({ what: "ec2-had-no-room", market: marketOf(input) });
      throw refusal("MaxFleetCountExceeded", "The maximum number of fleets is reached.");
    }
    const market = marketOf(input);
    const refuse = room.refusalsOf(machineId, market, touch);
    const Errors: NonNullable<CreateFleetCommandOutput["Errors"]> = [];
    for (const override of shuffled(config?.Overrides ?? [])) {
      const { InstanceType: type = "", SubnetId: subnet = "" } = override;
      const refused = refuse({ type, subnet, market });
      const LaunchTemplateAndOverrides = { Overrides: override };
      if (refused === undefined) {
        const InstanceIds = [launch(input, { type, subnet, market })];
        return { $metadata: {}, Errors, Instances: [{ LaunchTemplateAndOverrides, Lifecycle: market, InstanceIds }] };
      }
      const [ErrorCode, ErrorMessage] = refused;
      Errors.push({ LaunchTemplateAndOverrides, Lifecycle: market, ErrorCode, ErrorMessage });
    }
    world.journal.note(machineId, `no ${market} room: ${[...new Set(Errors.map((one) => one.ErrorCode))].join(", ")}`);
    world.tell({ what: "ec2-had-no-room", market });
    return { $metadata: {}, Errors, Instances: [], FleetId: idFrom("fleet", random) };
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
        if (known.answer.Instances?.length === 0) world.tell({ what: "ec2-had-no-room", market: marketOf(input) });
        return known.answer;
      }
      throw refusal("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent.");
    },
  };
}

/** The market that a request wants. */
export const marketOf = ({ TargetCapacitySpecification }: CreateFleetCommandInput): PaidMarket =>
  TargetCapacitySpecification?.DefaultTargetCapacityType === "spot" ? "spot" : "on-demand";

/** The machine that a request is for, by the tags on it. @throws Error when it bears none: such an instance would be nobody's. */
export function tagsOf({ TagSpecifications = [] }: CreateFleetCommandInput) {
  const tags = TagSpecifications.find(({ ResourceType }) => ResourceType === "instance")?.Tags ?? [];
  const textOf = (key: string): string => {
    const value = tags.find(({ Key }) => Key === key)?.Value;
    if (value === undefined) throw new Error(`a launch without the tag ${key}`);
    return value;
  };
  return { ownerTag: textOf(OWNER_TAG), poolName: textOf(POOL_TAG), machineId: machineIdFrom(textOf(MACHINE_TAG)) };
}
