import type { Filter, Image as SdkImage } from "@aws-sdk/client-ec2";
import type { CallEc2 } from "../calls.ts";
import { BASE_TAG, IMAGE_TAG, OWNER_TAG, RECIPE_TAG, tagOf } from "../tags.ts";

/** A prepared image of our owner. */
export interface Ec2Image {
  readonly amiId: string;
  /** What it was built as; several images of a name are versions of one. */
  readonly name: string;
  /** Of its recipe, in hex. */
  readonly digest: string;
  /** The stock image that its builder started from. */
  readonly baseAmi: string;
  /** Epoch milliseconds; 0 where EC2 does not tell. */
  readonly createdAt: number;
  /** `failed` will never be of use. */
  readonly state: "pending" | "available" | "failed";
  /** Why it failed. */
  readonly problem?: string | undefined;
  /** EC2 tells them once it has made them. */
  readonly snapshotIds: readonly string[];
}

/** The prepared images of our owner that pass the filters, newest first; those that pools of strangers use are never among them. */
export async function findImages(
  call: CallEc2,
  owner: string,
  filters: readonly Filter[],
  signal: AbortSignal,
): Promise<Ec2Image[]> {
  const Filters = [{ Name: `tag:${OWNER_TAG}`, Values: [owner] }, { Name: "tag-key", Values: [IMAGE_TAG] }, ...filters];
  const { Images = [] } = await call("DescribeImages", { Owners: ["self"], Filters }, signal);
  return Images.map(imageFrom).sort((a, b) => b.createdAt - a.createdAt);
}

function imageFrom(image: SdkImage): Ec2Image {
  const createdAt = Date.parse(image.CreationDate ?? "");
  const snapshotIds = (image.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);
  return {
    amiId: image.ImageId ?? "",
    name: tagOf(image, IMAGE_TAG) ?? "",
    digest: tagOf(image, RECIPE_TAG) ?? "",
    baseAmi: tagOf(image, BASE_TAG) ?? "",
    createdAt: Number.isNaN(createdAt) ? 0 : createdAt,
    state: stateFrom(image),
    problem: image.StateReason?.Message,
    snapshotIds,
  };
}

function stateFrom({ State }: SdkImage): Ec2Image["state"] {
  if (State === "available" || State === "pending") return State;
  return State === undefined || State === "transient" ? "pending" : "failed";
}
