import { ConflictError, SystemError } from "../../../domain/errors.ts";
import type { Ec2Context, SiteContext } from "../context.ts";
import { BASE_TAG, IMAGE_TAG, OWNER_TAG, RECIPE_TAG, tagListFrom } from "../tags.ts";
import { within } from "./deadline.ts";
import { findImages } from "./images.ts";
import type { Ec2Image } from "./images.ts";
import { removeImage } from "./remove.ts";

/** A first snapshot of a full disk takes EC2 long. */
const IMAGE_DEADLINE_MS = 60 * 60_000;
const LOOK_AGAIN_MS = 5_000;
const CLEAN_DEADLINE_MS = 60_000;

/** What an image is to be called and known by. */
export interface ImageSpec {
  readonly name: string;
  readonly digest: string;
  readonly baseAmi: string;
}

/** Makes an image of a stopped instance and waits until it can be used. One that is not to be finished is removed, as far as can be. */
export async function createImage(
  context: Ec2Context,
  site: SiteContext,
  instanceId: string,
  spec: ImageSpec,
  signal: AbortSignal,
): Promise<Ec2Image> {
  const { owner } = context.options;
  const amiName = amiNameFrom(owner, spec.name, context.deps);
  const tags = tagListFrom({
    Name: `${owner} ${spec.name}`,
    [OWNER_TAG]: owner,
    [IMAGE_TAG]: spec.name,
    [RECIPE_TAG]: spec.digest,
    [BASE_TAG]: spec.baseAmi,
  });
  const request = {
    InstanceId: instanceId,
    Name: amiName,
    Description: `mayfly: prepared from ${spec.baseAmi}`,
    TagSpecifications: [
      { ResourceType: "image" as const, Tags: tags },
      { ResourceType: "snapshot" as const, Tags: tags },
    ],
  };
  const named = [{ Name: "name", Values: [amiName] }];
  try {
    await site.call("CreateImage", request, signal).catch((error: unknown) => {
      // Names are given once: an earlier try, whose answer was lost, took this one.
      if (!(error instanceof ConflictError)) throw error;
    });
    return await awaitImage(context, site, named, amiName, signal);
  } catch (error) {
    await removeDraft(context, site, named).catch(() => undefined);
    throw error;
  }
}

/** Waits until the image that the filters find can be used. @throws SystemError `image-failed`, `deadline`. */
export function awaitImage(
  { options, deps }: Ec2Context,
  { call }: SiteContext,
  filters: Parameters<typeof findImages>[2],
  what: string,
  signal: AbortSignal,
): Promise<Ec2Image> {
  return within(IMAGE_DEADLINE_MS, `image ${what}`, deps.clock, signal, async (limit) => {
    for (;;) {
      // EC2 may not show it yet.
      const [image] = await findImages(call, options.owner, filters, limit);
      if (image?.state === "available") return image;
      if (image?.state === "failed")
        throw new SystemError(
          "image-failed",
          `EC2 could not make image ${image.amiId}: ${image.problem ?? "no reason given"}`,
        );
      await deps.clock.sleep(LOOK_AGAIN_MS, limit);
    }
  });
}

async function removeDraft(
  { options, deps }: Ec2Context,
  { call }: SiteContext,
  named: Parameters<typeof findImages>[2],
): Promise<void> {
  const never = new AbortController().signal;
  await within(CLEAN_DEADLINE_MS, "the end of the image", deps.clock, never, async (limit) => {
    for (const image of await findImages(call, options.owner, named, limit)) await removeImage(call, image, limit);
  });
}

/** Unique, and at most 128 characters as EC2 demands. */
function amiNameFrom(owner: string, name: string, { clock, random }: Ec2Context["deps"]): string {
  const stamp = new Date(clock.now()).toISOString().replaceAll(":", "").slice(0, 17);
  return `${`mayfly/${owner}/${name}`.slice(0, 90)}/${random.id(stamp)}`;
}
