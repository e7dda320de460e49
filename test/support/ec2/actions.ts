import { idFrom, Refusal } from "./cloud.ts";
import type { Cloud, CloudInstance } from "./cloud.ts";
import { createFleet, tagsFor } from "./fleets.ts";
import type { Fields } from "./form.ts";
import { tableOf, tablesOf, textOf, textsOf } from "./form.ts";
import { createImage, deleteSnapshot, deregisterImage, describeImages } from "./images.ts";
import {
  cancelSpotRequests,
  deleteLaunchTemplate,
  deleteNetworkInterface,
  deleteVolume,
  describeLaunchTemplates,
  describeNetworkInterfaces,
  describeSnapshots,
  describeSpotRequestsByTag,
  describeVolumes,
} from "./parts.ts";
import { passesTags, tagSetFrom } from "./tagged.ts";
import type { Xml } from "./xml.ts";

/** What the endpoint can do, by the name of the action. */
export const ACTIONS: Readonly<Record<string, (cloud: Cloud, fields: Fields) => Xml>> = {
  CancelSpotInstanceRequests: cancelSpotRequests,
  CreateFleet: createFleet,
  CreateImage: createImage,
  CreateLaunchTemplate: createLaunchTemplate,
  DeleteLaunchTemplate: deleteLaunchTemplate,
  DeleteNetworkInterface: deleteNetworkInterface,
  DeleteSnapshot: deleteSnapshot,
  DeleteVolume: deleteVolume,
  DeregisterImage: deregisterImage,
  DescribeImages: describeImages,
  DescribeInstances: describeInstances,
  DescribeLaunchTemplates: describeLaunchTemplates,
  DescribeNetworkInterfaces: describeNetworkInterfaces,
  DescribeSnapshots: describeSnapshots,
  DescribeSpotPriceHistory: describeSpotPriceHistory,
  DescribeSecurityGroups: describeSecurityGroups,
  DescribeSpotInstanceRequests: describeSpotRequests,
  DescribeSubnets: describeSubnets,
  DescribeVolumes: describeVolumes,
  StartInstances: startInstances,
  StopInstances: stopInstances,
  TerminateInstances: terminateInstances,
};

function createLaunchTemplate(cloud: Cloud, fields: Fields): Xml {
  const name = textOf(fields, "LaunchTemplateName") ?? "";
  if (cloud.templates.some((template) => template.name === name))
    throw new Refusal("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.");
  const template = {
    id: idFrom("lt"),
    name,
    data: tableOf(fields, "LaunchTemplateData") ?? {},
    tags: tagsFor(fields, "launch-template"),
    createdAt: cloud.now(),
  };
  cloud.templates.push(template);
  return { launchTemplate: { launchTemplateId: template.id, launchTemplateName: name, latestVersionNumber: 1 } };
}

/** Answers the price that holds, where there is one. */
function describeSpotPriceHistory(cloud: Cloud, fields: Fields): Xml {
  const availabilityZone = textOf(fields, "AvailabilityZone") ?? "";
  const [instanceType = ""] = textsOf(fields, "InstanceType");
  const spotPrice = cloud.spotPrices.get(`${instanceType} ${availabilityZone}`);
  const [productDescription = ""] = textsOf(fields, "ProductDescription");
  const timestamp = new Date(cloud.now()).toISOString();
  return {
    spotPriceHistorySet:
      spotPrice === undefined ? [] : [{ instanceType, availabilityZone, productDescription, spotPrice, timestamp }],
  };
}

function describeSpotRequests(cloud: Cloud, fields: Fields): Xml {
  const [filter] = tablesOf(fields, "Filter");
  if (textOf(filter, "Name") !== "status-code") return describeSpotRequestsByTag(cloud, fields);
  if (textsOf(filter, "Value")[0] !== "marked-for-termination")
    throw new Refusal("InvalidParameterValue", "only requests that are marked for termination are shown here");
  const marked = cloud.live().filter(({ markedAt }) => markedAt !== undefined);
  return {
    spotInstanceRequestSet: marked.map(({ id, markedAt = 0 }) => ({
      spotInstanceRequestId: `sir-${id.slice(2, 10)}`,
      instanceId: id,
      state: "active",
      status: { code: "marked-for-termination", updateTime: new Date(markedAt).toISOString() },
    })),
  };
}

function describeSecurityGroups(cloud: Cloud, fields: Fields): Xml {
  return {
    securityGroupInfo: textsOf(fields, "GroupId").map((groupId) => {
      const vpcId = cloud.groups.get(groupId);
      if (vpcId === undefined)
        throw new Refusal("InvalidGroup.NotFound", `The security group '${groupId}' does not exist`);
      return { groupId, vpcId };
    }),
  };
}

function describeSubnets(cloud: Cloud, fields: Fields): Xml {
  return {
    subnetSet: textsOf(fields, "SubnetId").map((subnetId) => {
      const availabilityZone = cloud.zones.get(subnetId);
      if (availabilityZone === undefined)
        throw new Refusal("InvalidSubnetID.NotFound", `The subnet ID '${subnetId}' does not exist`);
      return { subnetId, availabilityZone, vpcId: cloud.vpcOf(subnetId) };
    }),
  };
}

function describeInstances(cloud: Cloud, fields: Fields): Xml {
  const filters = tablesOf(fields, "Filter");
  const shown = cloud.instances
    .filter(({ shownAt }) => shownAt <= cloud.now())
    .filter((instance) => filters.every((filter) => passes(cloud, instance, filter)));
  const first = Number(textOf(fields, "NextToken") ?? 0);
  const size = Math.min(Number(textOf(fields, "MaxResults") ?? Infinity), cloud.settings.pageSize);
  const page = shown.slice(first, first + size);
  return {
    reservationSet: page.map((instance) => ({
      reservationId: `r-${instance.id.slice(2)}`,
      instancesSet: [shownFrom(cloud, instance)],
    })),
    nextToken: first + size < shown.length ? String(first + size) : undefined,
  };
}

function passes(cloud: Cloud, instance: CloudInstance, filter: Fields): boolean {
  const name = textOf(filter, "Name") ?? "";
  const values = textsOf(filter, "Value");
  const refusal = cloud.refusedFilters.get(name);
  if (refusal !== undefined) throw refusal;
  const isOfTag = passesTags(instance.tags, filter);
  if (isOfTag !== undefined) return isOfTag;
  switch (name) {
    case "instance-id":
      return values.includes(instance.id);
    case "instance-state-name":
      return values.includes(cloud.stateOf(instance));
    case "state-reason-code":
      return values.includes(instance.stateReason?.code ?? "");
    default:
      throw new Refusal("InvalidParameterValue", `The filter '${name}' is invalid`);
  }
}

const STATE_CODES = { pending: 0, running: 16, "shutting-down": 32, terminated: 48, stopping: 64, stopped: 80 };

function shownFrom(cloud: Cloud, instance: CloudInstance): Xml {
  const state = cloud.stateOf(instance);
  const isLeft = state !== "terminated" && state !== "shutting-down";
  const isUp = state === "pending" || state === "running";
  return {
    instanceId: instance.id,
    imageId: instance.imageId,
    instanceType: instance.type,
    instanceState: { code: STATE_CODES[state], name: state },
    privateIpAddress: isLeft ? instance.address : undefined,
    // A public address is let go of with the stop.
    ipAddress: isUp && instance.hasPublicAddress ? instance.address : undefined,
    launchTime: new Date(instance.launchedAt).toISOString(),
    placement: { availabilityZone: instance.zone },
    subnetId: instance.subnet,
    instanceLifecycle: instance.market === "spot" ? "spot" : undefined,
    stateReason: instance.stateReason,
    tagSet: tagSetFrom(instance.tags),
  };
}

/** One id that is unknown fails the whole call, and nothing is terminated. */
function terminateInstances(cloud: Cloud, fields: Fields): Xml {
  const instances = textsOf(fields, "InstanceId").map((id) => cloud.instance(id));
  const reason = {
    code: "Client.UserInitiatedShutdown",
    message: "Client.UserInitiatedShutdown: User initiated shutdown",
  };
  return changedFrom(cloud, instances, (instance) => cloud.end(instance, reason));
}

/** One that cannot be stopped fails the whole call, and none is stopped. */
function stopInstances(cloud: Cloud, fields: Fields): Xml {
  const instances = textsOf(fields, "InstanceId").map((id) => cloud.instance(id));
  for (const instance of instances) cloud.checkStop(instance);
  return changedFrom(cloud, instances, (instance) => cloud.stop(instance));
}

/** One that cannot be started fails the whole call, and none is started. */
function startInstances(cloud: Cloud, fields: Fields): Xml {
  const instances = textsOf(fields, "InstanceId").map((id) => cloud.instance(id));
  for (const instance of instances) cloud.checkStart(instance);
  return changedFrom(cloud, instances, (instance) => cloud.start(instance));
}

function changedFrom(
  cloud: Cloud,
  instances: readonly CloudInstance[],
  change: (instance: CloudInstance) => void,
): Xml {
  return {
    instancesSet: instances.map((instance) => {
      const before = cloud.stateOf(instance);
      change(instance);
      const now = cloud.stateOf(instance);
      return {
        instanceId: instance.id,
        previousState: { code: STATE_CODES[before], name: before },
        currentState: { code: STATE_CODES[now], name: now },
      };
    }),
  };
}
