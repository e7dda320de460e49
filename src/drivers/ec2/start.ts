import type { Instance as Ec2Instance } from "@aws-sdk/client-ec2";
import { NotFoundError } from "../../domain/errors.ts";
import type { Instance, StartSpec } from "../../ports/driver.ts";
import type { Ec2Context } from "./context.ts";
import { idsFrom, isGone, siteOf } from "./context.ts";
import { eachInstance } from "./each.ts";
import { findInstance, hasAddress } from "./find.ts";
import { instanceFrom } from "./list.ts";

/** Starts one stopped instance of our owner, and waits a while for its address, which may be another one. */
export async function startInstance(context: Ec2Context, spec: StartSpec, signal: AbortSignal): Promise<Instance> {
  const { providerId, machineId, poolName, shape } = spec;
  if (shape.driver !== "ec2") throw new Error(`the ec2 driver got a machine of driver "${shape.driver}"`);
  const ids = idsFrom(providerId);
  if (ids === undefined) throw new NotFoundError("no-such-instance", `there is no instance ${providerId}`);
  await eachInstance(context, [providerId], signal, (site, instanceId) => site.starter.add(instanceId));
  const site = siteOf(context, shape);
  const either = AbortSignal.any([signal, context.closing.signal]);
  // EC2 may show it as stopped for a while yet, with an address that it had.
  const isUp = (instance: Ec2Instance): boolean =>
    isGone(instance) || (isRunning(instance) && hasAddress(shape)(instance));
  const seen = await findInstance(context, site, ids.instanceId, isUp, either);
  if (seen === undefined)
    return { providerId, machineId, poolName, launchedAt: context.deps.clock.now(), state: "pending" };
  if (isGone(seen)) throw new NotFoundError("instance-ended", `${ids.instanceId} has ended`);
  return instanceFrom(site, seen);
}

const isRunning = ({ State }: Ec2Instance): boolean => State?.Name === "pending" || State?.Name === "running";
