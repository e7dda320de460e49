import type { Instance as Ec2Instance } from "@aws-sdk/client-ec2";
import { TransientError } from "../../domain/errors.ts";
import type { Ec2Shape } from "../../domain/shape.ts";
import type { Instance, LaunchSpec } from "../../ports/driver.ts";
import type { Ec2Context, SiteContext } from "./context.ts";
import { askOnce, isGone, providerIdFrom, siteOf } from "./context.ts";
import { describeOurs } from "./describe.ts";
import { beforeLaunch } from "./errors.ts";
import { findInstance, hasAddress } from "./find.ts";
import { instanceFrom } from "./list.ts";
import { placeMachine } from "./place.ts";
import { MACHINE_TAG, tagOf } from "./tags.ts";

/** Launches one instance, or answers the one that this token has launched before. One launch of a token at a time. */
export async function launchInstance(
  context: Ec2Context,
  spec: LaunchSpec,
  token: string,
  signal: AbortSignal,
): Promise<Instance> {
  const { shape } = spec;
  if (shape.driver !== "ec2") throw new Error(`the ec2 driver got a machine of driver "${shape.driver}"`);
  for (let other = context.launching.get(token); other; other = context.launching.get(token)) await other;
  const ended = Promise.withResolvers<void>();
  context.launching.set(token, ended.promise);
  try {
    const either = AbortSignal.any([signal, context.closing.signal]);
    return await launchOnce(context, spec, shape, token, either);
  } finally {
    context.launching.delete(token);
    ended.resolve();
  }
}

async function launchOnce(
  context: Ec2Context,
  spec: LaunchSpec,
  shape: Ec2Shape,
  token: string,
  signal: AbortSignal,
): Promise<Instance> {
  signal.throwIfAborted();
  const { deps } = context;
  const site = siteOf(context, shape);
  const known = site.launched.get(token) ?? (await beforeLaunch(leftBefore(context, site))).get(spec.machineId);
  const instanceId = known ?? (await placeMachine(context, site, { spec, shape, token }, signal));
  site.launched.set(token, instanceId);
  site.ours.note(instanceId);
  const seen = await findInstance(context, site, instanceId, hasAddress(shape), signal);
  // The pool's own looks find what EC2 does not show yet.
  if (seen === undefined) {
    const { machineId, poolName } = spec;
    const providerId = providerIdFrom(site.site, instanceId);
    return { providerId, machineId, poolName, launchedAt: deps.clock.now(), state: "pending" };
  }
  if (isGone(seen)) {
    const why = seen.StateReason?.Message ?? "no reason given";
    throw new TransientError("instance-ended", `${instanceId}, which this launch brought, has ended: ${why}`);
  }
  return withSpotPrice(site, instanceFrom(site, seen), seen);
}

/** On demand, prices are known beforehand; what a spot machine costs, its market alone can tell. */
async function withSpotPrice(site: SiteContext, instance: Instance, { Placement }: Ec2Instance): Promise<Instance> {
  const { offering } = instance;
  if (offering?.market !== "spot") return instance;
  const usdPerHour = await site.spotPrices.priceOf(offering.instanceType, Placement?.AvailabilityZone ?? "");
  return { ...instance, offering: { ...offering, usdPerHour } };
}

/** Instances of earlier processes, by machine. Asked once: what this process launches, it knows. */
function leftBefore({ options }: Ec2Context, site: SiteContext): Promise<ReadonlyMap<string, string>> {
  return askOnce(site, "left before", async (closing) => {
    const found = await describeOurs(site.call, options.owner, [], closing);
    return new Map(
      found.flatMap((instance) => {
        const machineId = tagOf(instance, MACHINE_TAG);
        return machineId === undefined || instance.InstanceId === undefined ? [] : [[machineId, instance.InstanceId]];
      }),
    );
  });
}
