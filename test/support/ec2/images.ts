import { idFrom, Refusal } from "./cloud.ts";
import type { Cloud, CloudImage } from "./cloud.ts";
import { tagsFor } from "./fleets.ts";
import type { Fields } from "./form.ts";
import { tablesOf, textOf, textsOf } from "./form.ts";
import { passesTags, tagSetFrom } from "./tagged.ts";
import type { Xml } from "./xml.ts";

/** Makes an image, and one snapshot, of an instance that stands still; both come to be in time. */
export function createImage(cloud: Cloud, fields: Fields): Xml {
  const instance = cloud.instance(textOf(fields, "InstanceId") ?? "");
  const name = textOf(fields, "Name") ?? "";
  const namesake = cloud.prepared.find((image) => image.name === name);
  if (namesake !== undefined)
    throw new Refusal("InvalidAMIName.Duplicate", `AMI name ${name} is already in use by AMI ${namesake.id}`);
  if (!/^[\w()[\] ./'@-]{3,128}$/.test(name)) throw new Refusal("InvalidAMIName.Malformed", `AMI name ${name}`);
  if (cloud.stateOf(instance) !== "stopped") throw new Error("a test makes no image of a machine that runs");
  const now = cloud.now();
  const snapshot = { id: idFrom("snap"), tags: tagsFor(fields, "snapshot"), startedAt: now };
  const image: CloudImage = {
    ...{ id: idFrom("ami"), name, tags: tagsFor(fields, "image"), createdAt: now, snapshotId: snapshot.id },
    availableAt: now + cloud.settings.imageDelayMs,
    hasFailed: cloud.settings.imagesFail,
  };
  if (cloud.machines !== undefined) {
    image.availableAt = Infinity;
    void cloud.machines.keep(instance, image.id).then(() => {
      image.availableAt = cloud.now();
    });
  }
  cloud.snapshots.push(snapshot);
  cloud.prepared.push(image);
  return { imageId: image.id };
}

/** By id all that there are; by filters those of the account alone. */
export function describeImages(cloud: Cloud, fields: Fields): Xml {
  const ids = textsOf(fields, "ImageId");
  if (ids.length > 0) return { imagesSet: ids.map((id) => imageById(cloud, id)) };
  const filters = tablesOf(fields, "Filter");
  const found = cloud.prepared.filter((image) => filters.every((filter) => passes(image, filter)));
  return { imagesSet: found.map((image) => shownFrom(cloud, image)) };
}

function imageById(cloud: Cloud, imageId: string): Xml {
  const prepared = cloud.prepared.find(({ id }) => id === imageId);
  if (prepared !== undefined) return shownFrom(cloud, prepared);
  const rootDeviceName = cloud.images.get(imageId);
  if (rootDeviceName !== undefined) return { imageId, rootDeviceName };
  throw new Refusal("InvalidAMIID.NotFound", `The image id '[${imageId}]' does not exist`);
}

function passes(image: CloudImage, filter: Fields): boolean {
  const isOfTag = passesTags(image.tags, filter);
  if (isOfTag !== undefined) return isOfTag;
  const values = textsOf(filter, "Value");
  switch (textOf(filter, "Name")) {
    case "image-id":
      return values.includes(image.id);
    case "name":
      return values.includes(image.name);
    default:
      throw new Refusal("InvalidParameterValue", `The filter '${textOf(filter, "Name")}' is invalid`);
  }
}

function shownFrom(cloud: Cloud, image: CloudImage): Xml {
  const isOver = image.availableAt <= cloud.now();
  return {
    ...{ imageId: image.id, name: image.name, rootDeviceName: "/dev/xvda", tagSet: tagSetFrom(image.tags) },
    imageState: isOver ? (image.hasFailed ? "failed" : "available") : "pending",
    creationDate: new Date(image.createdAt).toISOString(),
    stateReason: isOver && image.hasFailed ? { code: "Server.InternalError", message: "no snapshot" } : undefined,
    blockDeviceMapping: [{ deviceName: "/dev/xvda", ebs: { snapshotId: isOver ? image.snapshotId : undefined } }],
  };
}

export function deregisterImage(cloud: Cloud, fields: Fields): Xml {
  const id = textOf(fields, "ImageId") ?? "";
  const index = cloud.prepared.findIndex((image) => image.id === id);
  if (index < 0) throw new Refusal("InvalidAMIID.Unavailable", `The image ID '${id}' is no longer available`);
  cloud.prepared.splice(index, 1);
  return { return: true };
}

export function deleteSnapshot(cloud: Cloud, fields: Fields): Xml {
  const id = textOf(fields, "SnapshotId") ?? "";
  const index = cloud.snapshots.findIndex((snapshot) => snapshot.id === id);
  if (index < 0) throw new Refusal("InvalidSnapshot.NotFound", `The snapshot '${id}' does not exist.`);
  if (cloud.prepared.some(({ snapshotId }) => snapshotId === id))
    throw new Refusal("InvalidSnapshot.InUse", `The snapshot ${id} is currently in use by an image`);
  cloud.snapshots.splice(index, 1);
  return { return: true };
}
