import { MayflyError } from "../../domain/errors.ts";
import type { Ec2Shape } from "../../domain/shape.ts";
import type { Instance, SharedLaunch, SharedLaunchSpec } from "../../ports/driver.ts";
import type { Ec2Context } from "./context.ts";
import { siteOf } from "./context.ts";
import { beforeLaunch } from "./errors.ts";
import { findLaunchedBefore } from "./findLaunched.ts";
import { seenFrom, unseenFrom } from "./launch.ts";
import { leftBefore } from "./leftBefore.ts";
import { oneAtATime } from "./oneAtATime.ts";
import { placeMachines } from "./place.ts";
import type { Placed } from "./place.ts";
import { CALL_TAG } from "./tags.ts";

/**
 * Launches instances for several machines by one call, or answers those that this token has launched before. Which is whose is
 * not this driver's to know: it tells them with all the machines of the call, as lists do.
 */
export async function launchTogether(
  context: Ec2Context,
  spec: SharedLaunchSpec,
  token: string,
  signal: AbortSignal,
): Promise<SharedLaunch> {
  const { shape } = spec;
  if (shape.driver !== "ec2") throw new Error(`the ec2 driver got machines of driver "${shape.driver}"`);
  return oneAtATime(context, token, signal, (either) => launchOnce(context, spec, shape, token, either));
}

async function launchOnce(
  context: Ec2Context,
  { machineIds, poolName, seed }: SharedLaunchSpec,
  shape: Ec2Shape,
  token: string,
  signal: AbortSignal,
): Promise<SharedLaunch> {
  const site = siteOf(context, shape);
  const wanted = { machineIds, poolName, userData: seed.userData, shape, token };
  const place = async (): Promise<Placed> => {
    const left = await beforeLaunch(leftBefore(context, site, CALL_TAG, token));
    // EC2 does not say for how long it knows a token: where something shows that the call was made, it is not made again.
    return (left.length === 0 ? placeMachines : findLaunchedBefore)(context, site, wanted, signal);
  };
  const placed = site.placed.get(token) ?? (await place());
  site.placed.set(token, placed);
  const { instanceIds } = placed;
  for (const id of instanceIds) site.ours.note(id);
  const [machineId] = machineIds as readonly [(typeof machineIds)[number]];
  const unseen = { machineId, sharedBy: machineIds, poolName };
  const seen = await Promise.allSettled(instanceIds.map((id) => seenFrom(context, site, shape, id, signal)));
  signal.throwIfAborted();
  const instances: Instance[] = [];
  let { shortfall } = placed;
  for (const [index, result] of seen.entries()) {
    if (result.status === "fulfilled")
      instances.push(result.value ?? { ...unseenFrom(context, site, instanceIds[index] ?? ""), ...unseen });
    else if (result.reason instanceof MayflyError) shortfall = result.reason;
    else throw result.reason;
  }
  if (instances.length === 0 && shortfall !== undefined) throw shortfall;
  return shortfall === undefined ? { instances } : { instances, shortfall };
}
