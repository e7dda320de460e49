import type { Instance as Ec2Instance } from "@aws-sdk/client-ec2";
import { TransientError } from "../../domain/errors.ts";
import type { Ec2Shape } from "../../domain/shape.ts";
import type { Instance, LaunchSpec } from "../../ports/driver.ts";
import type { Ec2Context, SiteContext } from "./context.ts";
import { isGone, providerIdFrom, siteOf } from "./context.ts";
import { beforeLaunch } from "./errors.ts";
import { findInstance, hasAddress } from "./find.ts";
import { leftBefore } from "./leftBefore.ts";
import { instanceFrom } from "./list.ts";
import { oneAtATime } from "./oneAtATime.ts";
import { placeMachines } from "./place.ts";
import { MACHINE_TAG } from "./tags.ts";

/** Launches one instance, or answers the one that this token has launched before. One launch of a token at a time. */
export async function launchInstance(
  context: Ec2Context,
  spec: LaunchSpec,
  token: string,
  signal: AbortSignal,
): Promise<Instance> {
  const { shape } = spec;
  if (shape.driver !== "ec2") throw new Error(`the ec2 driver got a machine of driver "${shape.driver}"`);
  return oneAtATime(context, token, signal, (either) => launchOnce(context, spec, shape, token, either));
}

async function launchOnce(
  context: Ec2Context,
  { machineId, poolName, seed }: LaunchSpec,
  shape: Ec2Shape,
  token: string,
  signal: AbortSignal,
): Promise<Instance> {
  const site = siteOf(context, shape);
  const place = async (): Promise<string> => {
    const wanted = { machineIds: [machineId], poolName, userData: seed.userData, shape, token };
    const [instanceId] = (await placeMachines(context, site, wanted, signal)).instanceIds;
    if (instanceId === undefined) throw new Error("a place for one machine is none at all");
    return instanceId;
  };
  const before = site.launched.get(token) ?? (await beforeLaunch(leftBefore(context, site, MACHINE_TAG, machineId)))[0];
  const instanceId = before ?? (await place());
  site.launched.set(token, instanceId);
  site.ours.note(instanceId);
  const seen = await seenFrom(context, site, shape, instanceId, signal);
  return seen ?? { ...unseenFrom(context, site, instanceId), machineId, poolName };
}

/**
 * What is to be told of an instance that a launch brought, once it has an address; undefined when EC2 shows none for a while: the
 * pool's own looks find it. @throws TransientError `instance-ended` when it has ended by itself.
 */
export async function seenFrom(
  context: Ec2Context,
  site: SiteContext,
  shape: Ec2Shape,
  instanceId: string,
  signal: AbortSignal,
): Promise<Instance | undefined> {
  const seen = await findInstance(context, site, instanceId, hasAddress(shape), signal);
  if (seen === undefined) return undefined;
  if (isGone(seen)) {
    const why = seen.StateReason?.Message ?? "no reason given";
    throw new TransientError("instance-ended", `${instanceId}, which this launch brought, has ended: ${why}`);
  }
  return withSpotPrice(site, instanceFrom(site, seen), seen);
}

/** What is to be told of one that EC2 does not show yet. */
export const unseenFrom = ({ deps }: Ec2Context, { site }: SiteContext, instanceId: string) =>
  ({
    providerId: providerIdFrom(site, instanceId),
    launchedAt: deps.clock.now(),
    state: "pending",
  }) as const;

/** On demand, prices are known beforehand; what a spot machine costs, its market alone can tell. */
async function withSpotPrice(site: SiteContext, instance: Instance, { Placement }: Ec2Instance): Promise<Instance> {
  const { offering } = instance;
  if (offering?.market !== "spot") return instance;
  const usdPerHour = await site.spotPrices.priceOf(offering.instanceType, Placement?.AvailabilityZone ?? "");
  return { ...instance, offering: { ...offering, usdPerHour } };
}
