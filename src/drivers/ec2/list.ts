import type { Instance as Ec2Instance } from "@aws-sdk/client-ec2";
import { machineIdFrom } from "../../domain/ids.ts";
import { PartialListError } from "../../ports/driver.ts";
import type { Instance } from "../../ports/driver.ts";
import type { Ec2Context, SiteContext } from "./context.ts";
import { isGone, providerIdFrom } from "./context.ts";
import { describeOurs } from "./describe.ts";
import type { Ec2Site } from "./options.ts";
import { BUILDER_TAG, machineIdsOf, POOL_TAG, tagOf } from "./tags.ts";

const LIVE_STATES = ["pending", "running", "shutting-down", "stopping", "stopped"];
/** sshd's own. */
const SSH_PORT = 22;

/**
 * Every instance of our owner at all sites. EC2 may show young ones late. One that an image is being made of is none of the
 * pools' affairs until its deadline, and a stranger after it.
 * @throws PartialListError when some sites do not answer; their error when none does.
 */
export async function listInstances(context: Ec2Context, signal: AbortSignal): Promise<readonly Instance[]> {
  signal.throwIfAborted();
  const sites = [...context.sites.values()];
  const settled = await Promise.allSettled(sites.map((site) => listSite(context, site, signal)));
  signal.throwIfAborted();
  const failed = settled.flatMap((result, index) =>
    result.status === "rejected" ? [{ error: result.reason as unknown, site: sites[index]?.site }] : [],
  );
  const listed = settled.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
  // Two profiles of one account show the same ones.
  const instances = [...new Map(listed.map((instance) => [instance.providerId, instance])).values()];
  instances.sort((a, b) => a.launchedAt - b.launchedAt);
  const [first] = failed;
  if (first === undefined) return instances;
  if (failed.length === sites.length) throw first.error;
  const problems = failed.map(({ error, site }) => `${nameOf(site)}: ${textOf(error)}`);
  throw new PartialListError(instances, `no answer of ${problems.join("; ")}`, { cause: first.error });
}

const nameOf = (site: Ec2Site | undefined): string =>
  [`region ${site?.region}`, ...(site?.profile === undefined ? [] : [`profile ${site.profile}`])].join(", ");
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function listSite(context: Ec2Context, site: SiteContext, signal: AbortSignal): Promise<Instance[]> {
  const { options } = context;
  const { breaker, ours, launched, placed } = site;
  const states = [{ Name: "instance-state-name", Values: LIVE_STATES }];
  const [found] = await Promise.all([
    describeOurs(site.call, options.owner, states, signal),
    lookForInterruptions(context, site, signal),
  ]);
  if (found.some(({ InstanceLifecycle }) => InstanceLifecycle === "spot")) breaker.noteSpot();
  for (const { InstanceId } of found) if (InstanceId !== undefined) ours.note(InstanceId);
  ours.forgetOld();
  const now = context.deps.clock.now();
  for (const [token, id] of launched) if (!ours.has(id)) launched.delete(token);
  for (const [token, { instanceIds }] of placed) if (!instanceIds.some((id) => ours.has(id))) placed.delete(token);
  return found.filter((instance) => !isBuilding(instance, now)).map((instance) => instanceFrom(site, instance));
}

/** Whether an image is being made of an instance. */
export const isBuilding = (instance: Ec2Instance, now: number): boolean =>
  Date.parse(tagOf(instance, BUILDER_TAG) ?? "") > now;

/**
 * Asks what the spot market took back lately: an instance is listed for too short a time to be met on its way out. The list is
 * whole without the answer, so it does not fail for the want of it.
 */
async function lookForInterruptions(
  { options, deps }: Ec2Context,
  site: SiteContext,
  signal: AbortSignal,
): Promise<void> {
  if (!site.breaker.isWatching()) return;
  const Values = ["Server.SpotInstanceTermination", "Server.SpotInstanceShutdown"];
  try {
    const filters = [{ Name: "state-reason-code", Values }];
    for (const { InstanceId } of await describeOurs(site.call, options.owner, filters, signal))
      if (InstanceId !== undefined) site.breaker.noteInterruption(InstanceId);
  } catch (err) {
    signal.throwIfAborted();
    deps.logger.warn({ region: site.site.region, err }, "could not look for what the spot market took back");
  }
}

/** What the port tells of an instance. */
export function instanceFrom({ site }: SiteContext, instance: Ec2Instance): Instance {
  const host = instance.PublicIpAddress ?? instance.PrivateIpAddress;
  return {
    providerId: providerIdFrom(site, instance.InstanceId ?? ""),
    // Somebody may have taken the tag off; then it is nobody's machine, and is reaped.
    machineId: machineIdsOf(instance)[0] ?? machineIdFrom("unknown"),
    ...(machineIdsOf(instance).length > 1 && { sharedBy: machineIdsOf(instance) }),
    poolName: tagOf(instance, POOL_TAG) ?? "unknown",
    launchedAt: launchedAtOf(instance),
    state: stateFrom(instance),
    offering: {
      instanceType: instance.InstanceType ?? "",
      region: site.region,
      market: instance.InstanceLifecycle === "spot" ? "spot" : "on-demand",
    },
    ...(host === undefined ? {} : { address: { host, port: SSH_PORT } }),
  };
}

function stateFrom(instance: Ec2Instance): Instance["state"] {
  if (isGone(instance)) return "ending";
  switch (instance.State?.Name) {
    case "running":
      return "running";
    case "shutting-down":
      return "ending";
    case "stopping":
      return "stopping";
    case "stopped":
      return "stopped";
    default:
      return "pending";
  }
}

const launchedAtOf = ({ LaunchTime }: Ec2Instance): number => LaunchTime?.getTime() ?? 0;
