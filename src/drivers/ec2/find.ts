import type { Instance as Ec2Instance } from "@aws-sdk/client-ec2";
import { TransientError } from "../../domain/errors.ts";
import type { Ec2Shape } from "../../domain/shape.ts";
import type { Ec2Context, SiteContext } from "./context.ts";
import { isGone } from "./context.ts";
import { ADDRESS_DEADLINE_MS } from "./options.ts";

/** Waits a while until EC2 shows an instance as it is asked for; undefined when it does not. @throws the signal's reason. */
export async function findInstance(
  { deps }: Ec2Context,
  site: SiteContext,
  instanceId: string,
  isSeen: (instance: Ec2Instance) => boolean,
  signal: AbortSignal,
): Promise<Ec2Instance | undefined> {
  const late = new AbortController();
  const done = new AbortController();
  const deadline = deps.clock.sleep(ADDRESS_DEADLINE_MS, done.signal).then(
    () => late.abort(new TransientError("no-address-yet", `EC2 shows no address of ${instanceId} yet`)),
    () => undefined,
  );
  try {
    return await site.describer.until(instanceId, isSeen, AbortSignal.any([signal, late.signal]));
  } catch (error) {
    signal.throwIfAborted();
    deps.logger.debug({ instanceId, err: error }, "without an address yet");
    return undefined;
  } finally {
    done.abort();
    await deadline;
  }
}

/** Tells whether an instance has the address at which machines of a shape are reached, or will never have one. */
export const hasAddress =
  ({ publicAddress }: Ec2Shape) =>
  (instance: Ec2Instance): boolean =>
    isGone(instance) || (publicAddress ? instance.PublicIpAddress : instance.PrivateIpAddress) !== undefined;
