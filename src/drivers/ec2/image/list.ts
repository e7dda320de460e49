import type { Ec2Context, SiteContext } from "../context.ts";
import { createContext } from "../context.ts";
import type { Ec2Deps, Ec2Options } from "../options.ts";
import { within } from "./deadline.ts";
import type { Ec2Image } from "./images.ts";
import { findImages } from "./images.ts";
import { chooseImages, removeImage } from "./remove.ts";

const LIST_DEADLINE_MS = 60_000;
const REMOVE_DEADLINE_MS = 5 * 60_000;

/** A prepared image, and where it is. */
export interface ListedImage extends Ec2Image {
  readonly region: string;
}

/** The prepared images of our owner at all sites, newest first within a site. */
export function listAmis(options: Ec2Options, deps: Ec2Deps, signal: AbortSignal): Promise<readonly ListedImage[]> {
  return withContext(options, deps, async (context) => {
    const found = await findEverywhere(context, signal);
    return found.map(({ site, image }) => ({ ...image, region: site.site.region }));
  });
}

/**
 * Removes an image by its id, or all versions of a name, snapshots and all. Answers what went. Machines that run are not touched.
 * @param inUse images that pools name. @throws NotFoundError; ConflictError `image-in-use`, and nothing is removed then.
 */
export function removeAmis(
  options: Ec2Options,
  nameOrId: string,
  inUse: ReadonlySet<string>,
  deps: Ec2Deps,
  signal: AbortSignal,
): Promise<readonly string[]> {
  return withContext(options, deps, async (context) => {
    const found = await findEverywhere(context, signal);
    const chosen = chooseImages(
      found.map(({ image }) => image),
      nameOrId,
      inUse,
    );
    await within(REMOVE_DEADLINE_MS, "the removal of images", deps.clock, signal, async (limit) => {
      for (const { site, image } of found) if (chosen.includes(image)) await removeImage(site.call, image, limit);
    });
    return chosen.map(({ amiId }) => amiId);
  });
}

async function withContext<T>(
  options: Ec2Options,
  deps: Ec2Deps,
  use: (context: Ec2Context) => Promise<T>,
): Promise<T> {
  const context = createContext(options, deps);
  try {
    return await use(context);
  } finally {
    for (const site of context.sites.values()) site.close();
  }
}

async function findEverywhere(
  { options, deps, sites }: Ec2Context,
  signal: AbortSignal,
): Promise<readonly { readonly site: SiteContext; readonly image: Ec2Image }[]> {
  const asked = [...sites.values()].map((site) =>
    within(LIST_DEADLINE_MS, `the images in ${site.site.region}`, deps.clock, signal, async (limit) =>
      (await findImages(site.call, options.owner, [], limit)).map((image) => ({ site, image })),
    ),
  );
  return (await Promise.all(asked)).flat();
}
