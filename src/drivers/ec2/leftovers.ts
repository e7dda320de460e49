import { NotFoundError } from "../../domain/errors.ts";
import type { Leftover } from "../../ports/driver.ts";
import type { CallEc2 } from "./calls.ts";
import type { Ec2Context, SiteContext } from "./context.ts";
import { leftSnapshots, leftTemplates } from "./leftConfig.ts";
import { leftInterfaces, leftSpotRequests, leftVolumes } from "./leftParts.ts";
import { machineIdsOf, POOL_TAG, tagOf } from "./tags.ts";

/** One thing of a site that is left over, before it has the port's form. */
export interface Left {
  readonly id: string;
  readonly createdAt?: Date | undefined;
  readonly Tags?: Parameters<typeof tagOf>[0]["Tags"];
  readonly what: string;
}

/** How things go, by what their ids begin with. */
const REMOVALS: Readonly<Record<string, (call: CallEc2, id: string, signal: AbortSignal) => Promise<unknown>>> = {
  vol: (call, VolumeId, signal) => call("DeleteVolume", { VolumeId }, signal),
  eni: (call, NetworkInterfaceId, signal) => call("DeleteNetworkInterface", { NetworkInterfaceId }, signal),
  sir: (call, id, signal) => call("CancelSpotInstanceRequests", { SpotInstanceRequestIds: [id] }, signal),
  lt: (call, LaunchTemplateId, signal) => call("DeleteLaunchTemplate", { LaunchTemplateId }, signal),
  snap: (call, SnapshotId, signal) => call("DeleteSnapshot", { SnapshotId }, signal),
};

/** What a driver remembers of its lists: at which site each thing was. */
export type LeftoverSites = Map<string, SiteContext>;

/** Everything at all sites that bears our owner tag and that no live machine, pool or image has a use for. */
export async function listLeftovers(
  context: Ec2Context,
  siteById: LeftoverSites,
  signal: AbortSignal,
): Promise<readonly Leftover[]> {
  signal.throwIfAborted();
  const sites = [...context.sites.values()];
  const found = await Promise.all(sites.map((site) => leftAt(context, site, signal)));
  siteById.clear();
  const listed = found.flatMap((left, index) =>
    left.map((one) => {
      const site = sites[index] as SiteContext;
      const leftover = leftoverFrom(site, one);
      siteById.set(leftover.id, site);
      return leftover;
    }),
  );
  // Two profiles of one account show the same ones.
  return [...new Map(listed.map((leftover) => [leftover.id, leftover])).values()];
}

/** Removes one of the things that the list showed; of one that it did not, nothing is known and nothing is done. */
export async function removeLeftover(siteById: LeftoverSites, id: string, signal: AbortSignal): Promise<void> {
  const site = siteById.get(id);
  const resourceId = id.split("/")[1] ?? "";
  const remove = REMOVALS[resourceId.split("-")[0] ?? ""];
  if (site === undefined || remove === undefined) return;
  try {
    await remove(site.call, resourceId, signal);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
}

async function leftAt(context: Ec2Context, site: SiteContext, signal: AbortSignal): Promise<readonly Left[]> {
  const found = await Promise.all([
    leftVolumes(context, site, signal),
    leftInterfaces(context, site, signal),
    leftSpotRequests(context, site, signal),
    leftTemplates(context, site, signal),
    leftSnapshots(context, site, signal),
  ]);
  return found.flat();
}

function leftoverFrom({ site }: SiteContext, { id, createdAt, Tags, what }: Left): Leftover {
  const [machineId, ...others] = machineIdsOf({ Tags });
  return {
    id: `${site.region}/${id}`,
    ...(others.length === 0 && { machineId }),
    poolName: tagOf({ Tags }, POOL_TAG),
    createdAt: createdAt?.getTime(),
    // Of what came with an instance that was launched with others, only its instance could tell which one's it was.
    what: others.length === 0 ? what : `${what}, of one of ${[machineId, ...others].join(", ")}`,
  };
}
