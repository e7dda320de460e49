import { ConfigError } from "../../domain/errors.ts";
import type { Ec2Context, SiteContext } from "./context.ts";
import { shapesAt } from "./context.ts";
import { findImages } from "./image/images.ts";
import type { Left } from "./leftovers.ts";
import { isOlder, ownersFilter } from "./leftParts.ts";
import { allPages } from "./pages.ts";
import { IMAGE_TAG } from "./tags.ts";
import { rootDeviceOf, templateFrom, templateRequestFrom } from "./template.ts";

/** A launch or an image that is under way made it a while before anything shows that it is used. */
const YOUNG_MS = 60 * 60_000;
const MARKETS = ["spot", "on-demand"] as const;

/**
 * Launch templates of shapes that no pool has any more. Instances do not need theirs once they are launched; should a launch find
 * its own gone, it makes it anew.
 */
export async function leftTemplates(context: Ec2Context, site: SiteContext, signal: AbortSignal): Promise<Left[]> {
  const used = await usedTemplates(context, site);
  if (used === undefined) return [];
  const Filters = [ownersFilter(context)];
  const templates = await allPages(
    site.call,
    "DescribeLaunchTemplates",
    { Filters },
    ({ LaunchTemplates }) => LaunchTemplates,
    signal,
  );
  const now = context.deps.clock.now();
  return templates
    .filter(({ LaunchTemplateName = "" }) => !used.has(LaunchTemplateName))
    .filter(({ CreateTime }) => isOlder(CreateTime, now, YOUNG_MS))
    .map(({ LaunchTemplateId = "", CreateTime, Tags }) => ({
      ...{ id: LaunchTemplateId, createdAt: CreateTime, Tags },
      what: "a launch template of settings that no pool has any more",
    }));
}

/** The names of all templates that pools of a site launch from; undefined when nobody can tell. */
async function usedTemplates(context: Ec2Context, site: SiteContext): Promise<ReadonlySet<string> | undefined> {
  const { options, deps } = context;
  if (options.shapes === undefined) return undefined;
  const used = new Set<string>();
  try {
    for (const shape of shapesAt(context, site)) {
      const rootDevice = await rootDeviceOf(site, shape.ami);
      for (const market of MARKETS)
        used.add(templateFrom(templateRequestFrom(options.owner, shape, rootDevice, market)).name);
    }
    return used;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // The pool itself says so, whenever it launches.
    deps.logger.debug({ region: site.site.region, err: error }, "cannot tell which launch templates are in use");
    return undefined;
  }
}

/** Snapshots of prepared images that are gone. While one is being made, nobody can tell which are its. */
export async function leftSnapshots(context: Ec2Context, { call }: SiteContext, signal: AbortSignal): Promise<Left[]> {
  const { owner } = context.options;
  const Filters = [ownersFilter(context), { Name: "tag-key", Values: [IMAGE_TAG] }];
  const snapshots = await allPages(
    call,
    "DescribeSnapshots",
    { OwnerIds: ["self"], Filters },
    ({ Snapshots }) => Snapshots,
    signal,
  );
  const now = context.deps.clock.now();
  const old = snapshots.filter(({ StartTime }) => isOlder(StartTime, now, YOUNG_MS));
  if (old.length === 0) return [];
  const images = await findImages(call, owner, [], signal);
  if (images.some(({ state }) => state === "pending")) return [];
  const used = new Set(images.flatMap(({ snapshotIds }) => snapshotIds));
  return old
    .filter(({ SnapshotId = "" }) => !used.has(SnapshotId))
    .map(({ SnapshotId = "", StartTime, Tags }) => ({
      ...{ id: SnapshotId, createdAt: StartTime, Tags },
      what: "a snapshot of an image that is gone",
    }));
}
