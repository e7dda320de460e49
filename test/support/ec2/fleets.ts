import { idFrom, Refusal } from "./cloud.ts";
import type { Cloud, CloudInstance, Template } from "./cloud.ts";
import type { Fields } from "./form.ts";
import { tableOf, tablesOf, textOf, textsOf } from "./form.ts";
import { addParts, refuseStrayTags } from "./parts.ts";
import type { Xml } from "./xml.ts";

interface Candidate {
  readonly type: string;
  readonly subnet: string;
  readonly zone: string;
}

/** `CreateFleet` of type instant: fills what it can, and tells in `errorSet` what it could not. */
export function createFleet(cloud: Cloud, fields: Fields): Xml {
  const token = textOf(fields, "ClientToken") ?? idFrom("token");
  const { ClientToken: _, ...rest } = fields;
  const request = JSON.stringify(rest);
  const known = cloud.tokens.get(token);
  if (known !== undefined) {
    if (known.request !== request)
      throw new Refusal(
        "IdempotentParameterMismatch",
        "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
      );
    return known.answer as Xml;
  }
  const answer = fill(cloud, fields);
  cloud.tokens.set(token, { request, answer: answer as object });
  return answer;
}

function fill(cloud: Cloud, fields: Fields): Xml {
  if (textOf(fields, "Type") !== "instant")
    throw new Refusal("InvalidParameterValue", "only instant fleets are built here");
  const target = tableOf(fields, "TargetCapacitySpecification");
  const market = textOf(target, "DefaultTargetCapacityType") === "spot" ? "spot" : "on-demand";
  const wanted = Number(textOf(target, "TotalTargetCapacity"));
  const [config] = tablesOf(fields, "LaunchTemplateConfigs");
  const specification = tableOf(config, "LaunchTemplateSpecification");
  const template = templateOf(cloud, specification);
  refuseStrayTags(template, market);
  const userData = textOf(specification, "LaunchTemplateSpecificationUserData") ?? "";
  if (Buffer.from(userData, "base64").length > 16_384)
    throw new Refusal("InvalidUserData.Malformed", "User data is limited to 16384 bytes");
  const candidates = tablesOf(config, "Overrides").map((override) => candidateFrom(cloud, override));
  cloud.offered.push(candidates.map(({ type, zone }) => `${market} ${type} ${zone}`));
  const tags = tagsFor(fields, "instance");
  if (Object.keys(tags).length === 0) throw new Error("a test launches nothing without tags");
  const fleetId = idFrom("fleet");
  const launched: CloudInstance[] = [];
  const errors: Xml[] = [];
  for (const candidate of candidates) {
    while (launched.length < wanted) {
      const refusal = strangerTo(cloud, candidate, template) ?? refusalFor(cloud, candidate, market);
      if (refusal !== undefined) {
        errors.push({
          launchTemplateAndOverrides: templateAndOverrides(template, candidate),
          lifecycle: market,
          errorCode: refusal.code,
          errorMessage: refusal.message,
        });
        break;
      }
      takeRoom(cloud, candidate, market);
      const instance = cloud.add({
        ...{ fleetId, market, userData, tags, type: candidate.type, subnet: candidate.subnet, zone: candidate.zone },
        imageId: String((template.data as { ImageId?: string }).ImageId),
        hasPublicAddress: isPublic(template),
      });
      addParts(cloud, instance, template, fields);
      launched.push(instance);
    }
  }
  return {
    fleetId,
    errorSet: errors,
    fleetInstanceSet: launched.map(({ id, type, subnet, zone }) => ({
      launchTemplateAndOverrides: templateAndOverrides(template, { type, subnet, zone }),
      lifecycle: market,
      instanceIds: [id],
      instanceType: type,
    })),
  };
}

function templateOf(cloud: Cloud, specification: Fields | undefined): Template {
  const name = textOf(specification, "LaunchTemplateName");
  const template = cloud.templates.find((one) => one.name === name);
  if (template === undefined)
    throw new Refusal(
      "InvalidLaunchTemplateName.NotFoundException",
      `The specified launch template, with template name ${name}, does not exist.`,
    );
  return template;
}

function candidateFrom(cloud: Cloud, override: Fields): Candidate {
  const type = textOf(override, "InstanceType") ?? "";
  const subnet = textOf(override, "SubnetId") ?? "";
  const zone = cloud.zones.get(subnet);
  if (zone === undefined) throw new Refusal("InvalidSubnetID.NotFound", `The subnet ID '${subnet}' does not exist`);
  return { type, subnet, zone };
}

/** A security group of another VPC than the subnet's is found out when the instance is to be launched. */
function strangerTo(cloud: Cloud, { subnet }: Candidate, { data }: Template): Refusal | undefined {
  const groups = tablesOf(data as Fields, "NetworkInterface").flatMap((one) => textsOf(one, "SecurityGroupId"));
  const group = groups.find((id) => cloud.groups.get(id) !== cloud.vpcOf(subnet));
  if (group === undefined) return undefined;
  const message = `Security group ${group} and subnet ${subnet} belong to different networks.`;
  return new Refusal("InvalidParameter", message);
}

function refusalFor(cloud: Cloud, { type, zone }: Candidate, market: CloudInstance["market"]): Refusal | undefined {
  const held = cloud.live().filter((instance) => instance.market === market).length;
  if (held >= cloud.settings.quota[market])
    return market === "spot"
      ? new Refusal("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded")
      : new Refusal(
          "VcpuLimitExceeded",
          `You have requested more vCPU capacity than your current vCPU limit of ${cloud.settings.quota[market] * 2} allows`,
        );
  if ((cloud.settings.room.get(`${market} ${type} ${zone}`) ?? 1) > 0) return undefined;
  return new Refusal(
    "InsufficientInstanceCapacity",
    `We currently do not have sufficient ${type} capacity in the Availability Zone you requested (${zone}).`,
  );
}

function takeRoom(cloud: Cloud, { type, zone }: Candidate, market: CloudInstance["market"]): void {
  const key = `${market} ${type} ${zone}`;
  const room = cloud.settings.room.get(key);
  if (room !== undefined) cloud.settings.room.set(key, room - 1);
}

const templateAndOverrides = ({ id }: Template, { type, subnet, zone }: Candidate): Xml => ({
  launchTemplateSpecification: { launchTemplateId: id, version: "1" },
  overrides: { instanceType: type, subnetId: subnet, availabilityZone: zone },
});

const isPublic = ({ data }: Template): boolean =>
  tablesOf(data as Fields, "NetworkInterface").some((one) => textOf(one, "AssociatePublicIpAddress") === "true");

/** The tags of one kind of resource in a request. */
export function tagsFor(fields: Fields, kind: string): Record<string, string> {
  const specifications = [...tablesOf(fields, "TagSpecification"), ...tablesOf(fields, "TagSpecifications")];
  const specification = specifications.find((one) => textOf(one, "ResourceType") === kind);
  const tags = [...tablesOf(specification, "Tag"), ...tablesOf(specification, "Tags")];
  return Object.fromEntries(tags.map((tag) => [textOf(tag, "Key") ?? "", textOf(tag, "Value") ?? ""]));
}
