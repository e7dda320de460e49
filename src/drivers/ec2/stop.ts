import type { Ec2Context } from "./context.ts";
import { eachInstance } from "./each.ts";

/** Asks for the stop of instances of our owner. EC2 keeps their volumes, and their private addresses. */
export function stopInstances(context: Ec2Context, providerIds: readonly string[], signal: AbortSignal): Promise<void> {
  return eachInstance(context, providerIds, signal, (site, instanceId) => site.stopper.add(instanceId));
}
