import type { Tag } from "@aws-sdk/client-ec2";
import type { LaunchSpec } from "../../ports/driver.ts";

/** What is launched for whom. Ownership and reconciliation rest on them: they are on the launching call itself. */
export const OWNER_TAG = "mayfly:owner";
export const POOL_TAG = "mayfly:pool";
export const MACHINE_TAG = "mayfly:machine";
/** On the machine that an image is made of: until when it is at work, as an ISO date. After that it is left over. */
export const BUILDER_TAG = "mayfly:builder";
/** On a prepared image and its snapshots: its name, the digest of its recipe, the image that its builder started from. */
export const IMAGE_TAG = "mayfly:image";
export const RECIPE_TAG = "mayfly:recipe";
export const BASE_TAG = "mayfly:base";

/** The tags of one machine's instance and volumes. `Name` is what people see in the console. */
export function tagsFrom(owner: string, { machineId, poolName }: LaunchSpec, others: Readonly<Record<string, string>>) {
  return tagListFrom({
    ...others,
    Name: `${owner} ${poolName} ${machineId}`,
    [OWNER_TAG]: owner,
    [POOL_TAG]: poolName,
    [MACHINE_TAG]: machineId,
  });
}

/** Renders tags as EC2 takes them. */
export const tagListFrom = (tags: Readonly<Record<string, string>>): Tag[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

/** The value of a resource's tag. */
export const tagOf = ({ Tags }: { readonly Tags?: readonly Tag[] | undefined }, key: string): string | undefined =>
  Tags?.find((tag) => tag.Key === key)?.Value;
