import { idFrom, Refusal } from "./cloud.ts";
import type { Cloud, CloudInstance, CloudPart, PartKind, Template } from "./cloud.ts";
import { tagsFor } from "./fleets.ts";
import type { Fields } from "./form.ts";
import { tablesOf, textOf, textsOf } from "./form.ts";
import { passesTags, tagSetFrom } from "./tagged.ts";
import type { Xml } from "./xml.ts";

/** Makes what an instance is launched with, tagged as its call and its template say. */
export function addParts(cloud: Cloud, { id, market }: CloudInstance, template: Template, fields: Fields): void {
  const data = template.data as Fields;
  const requestTags = tagsFor(data, "spot-instances-request");
  const facts = { instanceId: id, createdAt: cloud.now() };
  cloud.parts.push(
    { ...facts, kind: "volume", id: idFrom("vol"), tags: tagsFor(fields, "volume") },
    { ...facts, kind: "network-interface", id: idFrom("eni"), tags: tagsFor(data, "network-interface") },
  );
  if (market === "spot")
    cloud.parts.push({ ...facts, kind: "spot-instances-request", id: `sir-${id.slice(2, 10)}`, tags: requestTags });
}

/** A launch that tags what it does not make is refused. */
export function refuseStrayTags({ data }: Template, market: CloudInstance["market"]): void {
  if (market === "spot" || Object.keys(tagsFor(data as Fields, "spot-instances-request")).length === 0) return;
  throw new Refusal(
    "InvalidParameterCombination",
    "You cannot specify tags for Spot instances requests if there are no Spot instances requests being created.",
  );
}

/** What is there of a kind and passes the filters, with its state: parts go with their instance unless they are made to stay. */
function find(cloud: Cloud, kind: PartKind, fields: Fields): readonly (CloudPart & { readonly isHeld: boolean })[] {
  return cloud.parts
    .filter((part) => part.kind === kind)
    .map((part) => ({ ...part, isHeld: cloud.live().some(({ id }) => id === part.instanceId) }))
    .filter(({ isHeld, instanceId }) => isHeld || instanceId === undefined || cloud.settings.leaves.has(kind))
    .filter((part) => tablesOf(fields, "Filter").every((filter) => passes(part, filter)));
}

function passes(part: CloudPart & { readonly isHeld: boolean }, filter: Fields): boolean {
  const isOfTag = passesTags(part.tags, filter);
  if (isOfTag !== undefined) return isOfTag;
  const values = textsOf(filter, "Value");
  switch (textOf(filter, "Name")) {
    case "status":
      return values.includes(part.isHeld ? "in-use" : "available");
    case "state":
      return values.includes(stateOf(part));
    default:
      throw new Refusal("InvalidParameterValue", `The filter '${textOf(filter, "Name")}' is invalid`);
  }
}

const stateOf = ({ instanceId }: CloudPart): string => (instanceId === undefined ? "open" : "active");

/** Answers in pages of one, so that whoever reads only the first is found out. */
function paged(fields: Fields, name: string, items: readonly Xml[]): Xml {
  const first = Number(textOf(fields, "NextToken") ?? 0);
  return {
    [name]: items.slice(first, first + 1),
    nextToken: first + 1 < items.length ? String(first + 1) : undefined,
  };
}

const dated = (at: number): string => new Date(at).toISOString();

export const describeVolumes = (cloud: Cloud, fields: Fields): Xml =>
  paged(
    fields,
    "volumeSet",
    find(cloud, "volume", fields).map(({ id, tags, createdAt }) => ({
      ...{ volumeId: id, size: 30, createTime: dated(createdAt), tagSet: tagSetFrom(tags) },
    })),
  );

export const describeNetworkInterfaces = (cloud: Cloud, fields: Fields): Xml =>
  paged(
    fields,
    "networkInterfaceSet",
    find(cloud, "network-interface", fields).map(({ id, tags }) => ({
      ...{ networkInterfaceId: id, tagSet: tagSetFrom(tags) },
    })),
  );

export const describeSpotRequestsByTag = (cloud: Cloud, fields: Fields): Xml =>
  paged(
    fields,
    "spotInstanceRequestSet",
    find(cloud, "spot-instances-request", fields).map((part) => ({
      ...{ spotInstanceRequestId: part.id, instanceId: part.instanceId, state: stateOf(part) },
      ...{ createTime: dated(part.createdAt), tagSet: tagSetFrom(part.tags) },
    })),
  );

export const describeLaunchTemplates = (cloud: Cloud, fields: Fields): Xml =>
  paged(
    fields,
    "launchTemplates",
    cloud.templates
      .filter(({ tags }) => tablesOf(fields, "Filter").every((filter) => passesTags(tags, filter) === true))
      .map(({ id, name, tags, createdAt }) => ({
        ...{ launchTemplateId: id, launchTemplateName: name, createTime: dated(createdAt), tagSet: tagSetFrom(tags) },
      })),
  );

export const describeSnapshots = (cloud: Cloud, fields: Fields): Xml =>
  paged(
    fields,
    "snapshotSet",
    cloud.snapshots
      .filter(({ tags }) => tablesOf(fields, "Filter").every((filter) => passesTags(tags, filter) === true))
      .map(({ id, tags, startedAt }) => ({ snapshotId: id, startTime: dated(startedAt), tagSet: tagSetFrom(tags) })),
  );

export const deleteVolume = (cloud: Cloud, fields: Fields): Xml =>
  remove(cloud, textOf(fields, "VolumeId"), "InvalidVolume.NotFound");
export const deleteNetworkInterface = (cloud: Cloud, fields: Fields): Xml =>
  remove(cloud, textOf(fields, "NetworkInterfaceId"), "InvalidNetworkInterfaceID.NotFound");
export const cancelSpotRequests = (cloud: Cloud, fields: Fields): Xml =>
  remove(cloud, textsOf(fields, "SpotInstanceRequestId")[0], "InvalidSpotInstanceRequestID.NotFound");

function remove(cloud: Cloud, id: string | undefined, notFound: string): Xml {
  const index = cloud.parts.findIndex((part) => part.id === id);
  const part = cloud.parts[index];
  if (part === undefined) throw new Refusal(notFound, `'${id}' does not exist`);
  if (cloud.live().some((instance) => instance.id === part.instanceId))
    throw new Refusal("VolumeInUse", `'${id}' is in use`);
  cloud.parts.splice(index, 1);
  return { return: true };
}

export function deleteLaunchTemplate(cloud: Cloud, fields: Fields): Xml {
  const id = textOf(fields, "LaunchTemplateId");
  const index = cloud.templates.findIndex((template) => template.id === id);
  if (index < 0) throw new Refusal("InvalidLaunchTemplateId.NotFound", `The template ${id} does not exist`);
  cloud.templates.splice(index, 1);
  return { launchTemplate: { launchTemplateId: id } };
}
