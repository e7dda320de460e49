import type { Tag } from "@aws-sdk/client-ec2";
import { machineIdFrom } from "../../domain/ids.ts";
import type { MachineId } from "../../domain/ids.ts";

/** What is launched for whom. Ownership and reconciliation rest on them: they are on the launching call itself. */
export const OWNER_TAG = "mayfly:owner";
export const POOL_TAG = "mayfly:pool";
/** The machine; of several that one call launched, all of them, with a space between two: each may become any of them. */
export const MACHINE_TAG = "mayfly:machine";
/** On what was launched with others: the token of the call. */
export const CALL_TAG = "mayfly:call";
/** As many ids as the value of one tag holds, each of 14 characters. Source: EC2 user guide, "Tag restrictions": 256. */
export const MACHINES_OF_ONE_CALL = 16;
/** On the machine that an image is made of: until when it is at work, as an ISO date. After that it is left over. */
export const BUILDER_TAG = "mayfly:builder";
/** On a prepared image and its snapshots: its name, the digest of its recipe, the image that its builder started from. */
export const IMAGE_TAG = "mayfly:image";
export const RECIPE_TAG = "mayfly:recipe";
export const BASE_TAG = "mayfly:base";

/** Whom a call launches instances for. */
export interface Launched {
  /** One, or several that share the call. */
  readonly machineIds: readonly MachineId[];
  readonly poolName: string;
  readonly token: string;
}

/** The tags of the instances and volumes of one call. `Name` is what people see in the console. */
export function tagsFrom(
  owner: string,
  { machineIds, poolName, token }: Launched,
  others: Readonly<Record<string, string>>,
) {
  const [first, ...more] = machineIds;
  return tagListFrom({
    ...others,
    Name: `${owner} ${poolName} ${first}${more.length === 0 ? "" : ` or one of ${more.length} others`}`,
    [OWNER_TAG]: owner,
    [POOL_TAG]: poolName,
    [MACHINE_TAG]: machineIds.join(" "),
    ...(more.length > 0 && { [CALL_TAG]: token }),
  });
}

/** The machines that a resource's tag names, one or several. Somebody may have taken the tag off; then there is none. */
export const machineIdsOf = (resource: Parameters<typeof tagOf>[0]): readonly MachineId[] =>
  (tagOf(resource, MACHINE_TAG) ?? "").split(" ").flatMap((id) => (id === "" ? [] : [machineIdFrom(id)]));

/** Renders tags as EC2 takes them. */
export const tagListFrom = (tags: Readonly<Record<string, string>>): Tag[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

/** The value of a resource's tag. */
export const tagOf = ({ Tags }: { readonly Tags?: readonly Tag[] | undefined }, key: string): string | undefined =>
  Tags?.find((tag) => tag.Key === key)?.Value;
