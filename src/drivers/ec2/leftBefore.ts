import type { Ec2Context, SiteContext } from "./context.ts";
import { askOnce } from "./context.ts";
import { describeOurs } from "./describe.ts";
import type { CALL_TAG, MACHINE_TAG } from "./tags.ts";
import { tagOf } from "./tags.ts";

/** The instances of earlier processes with such a tag. Asked once for all: what this process launches, it knows. */
export async function leftBefore(
  { options }: Ec2Context,
  site: SiteContext,
  tag: typeof MACHINE_TAG | typeof CALL_TAG,
  value: string,
): Promise<readonly string[]> {
  const found = await askOnce(site, "left before", (closing) => describeOurs(site.call, options.owner, [], closing));
  return found.flatMap((instance) => (tagOf(instance, tag) === value ? (instance.InstanceId ?? []) : []));
}
