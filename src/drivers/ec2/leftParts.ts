import type { Filter } from "@aws-sdk/client-ec2";
import type { Ec2Context, SiteContext } from "./context.ts";
import { isGone, shapesAt } from "./context.ts";
import { describeOurs } from "./describe.ts";
import type { Left } from "./leftovers.ts";
import { allPages } from "./pages.ts";
import { OWNER_TAG } from "./tags.ts";

/** Parts of a machine are there a moment before it, and a moment after it. */
const YOUNG_PART_MS = 10 * 60_000;

/** Tells whether something is older than a time; what has no date is. */
export const isOlder = (createdAt: Date | undefined, now: number, ms: number): boolean =>
  createdAt === undefined || now - createdAt.getTime() > ms;

/** What bears our owner tag. */
export const ownersFilter = ({ options }: Ec2Context): Filter => ({
  Name: `tag:${OWNER_TAG}`,
  Values: [options.owner],
});

/** Volumes that no instance holds. */
export async function leftVolumes(context: Ec2Context, { call }: SiteContext, signal: AbortSignal): Promise<Left[]> {
  const Filters = [ownersFilter(context), { Name: "status", Values: ["available"] }];
  const volumes = await allPages(call, "DescribeVolumes", { Filters }, ({ Volumes }) => Volumes, signal);
  const now = context.deps.clock.now();
  return volumes
    .filter(({ CreateTime }) => isOlder(CreateTime, now, YOUNG_PART_MS))
    .map(({ VolumeId = "", CreateTime, Size, Tags }) => ({
      ...{ id: VolumeId, createdAt: CreateTime, Tags },
      what: `a volume of ${Size ?? "?"} GiB that no instance holds`,
    }));
}

/** Network interfaces that no instance holds. EC2 does not tell how old they are. */
export async function leftInterfaces(context: Ec2Context, { call }: SiteContext, signal: AbortSignal): Promise<Left[]> {
  const Filters = [ownersFilter(context), { Name: "status", Values: ["available"] }];
  const pick = ({ NetworkInterfaces }: { readonly NetworkInterfaces?: readonly Interface[] | undefined }) =>
    NetworkInterfaces;
  const interfaces = await allPages(call, "DescribeNetworkInterfaces", { Filters }, pick, signal);
  return interfaces.map(({ NetworkInterfaceId = "", TagSet }) => ({
    ...{ id: NetworkInterfaceId, Tags: TagSet },
    what: "a network interface that no instance holds",
  }));
}

interface Interface {
  readonly NetworkInterfaceId?: string | undefined;
  readonly TagSet?: Left["Tags"];
}

/** Requests of the spot market that still stand, though their machine does not. Asked where a pool may go to that market. */
export async function leftSpotRequests(context: Ec2Context, site: SiteContext, signal: AbortSignal): Promise<Left[]> {
  if (shapesAt(context, site).every(({ market }) => market === "on-demand")) return [];
  const { call } = site;
  const Filters = [ownersFilter(context), { Name: "state", Values: ["open", "active"] }];
  const requests = await allPages(
    call,
    "DescribeSpotInstanceRequests",
    { Filters },
    ({ SpotInstanceRequests }) => SpotInstanceRequests,
    signal,
  );
  const now = context.deps.clock.now();
  const old = requests.filter(({ CreateTime }) => isOlder(CreateTime, now, YOUNG_PART_MS));
  if (old.length === 0) return [];
  // After the requests: an instance that a request of the list brought is in this one.
  const instances = await describeOurs(call, context.options.owner, [], signal);
  const live = new Set(instances.filter((one) => !isGone(one)).map(({ InstanceId }) => InstanceId));
  return old
    .filter(({ InstanceId }) => InstanceId === undefined || !live.has(InstanceId))
    .map(({ SpotInstanceRequestId = "", InstanceId, State, CreateTime, Tags }) => ({
      ...{ id: SpotInstanceRequestId, createdAt: CreateTime, Tags },
      what: `a spot request, ${State}, ${InstanceId === undefined ? "that brought no instance" : `whose instance ${InstanceId} is gone`}`,
    }));
}
