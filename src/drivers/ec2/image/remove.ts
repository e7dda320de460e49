import { ConflictError, NotFoundError } from "../../../domain/errors.ts";
import type { CallEc2 } from "../calls.ts";
import type { Ec2Image } from "./images.ts";

/** Removes an image and its snapshots. What is gone already is success. What a crash leaves in between is swept as left over. */
export async function removeImage(
  call: CallEc2,
  { amiId, snapshotIds }: Pick<Ec2Image, "amiId" | "snapshotIds">,
  signal: AbortSignal,
): Promise<void> {
  await ignoreNotFound(call("DeregisterImage", { ImageId: amiId }, signal));
  for (const SnapshotId of snapshotIds) await ignoreNotFound(call("DeleteSnapshot", { SnapshotId }, signal));
}

/**
 * The images of one name that are older than the newest `keep` good ones, and those that failed. Never one that is in use, or
 * still to be finished. @param images newest first.
 */
export function obsoleteFrom(images: readonly Ec2Image[], keep: number, inUse: ReadonlySet<string>): Ec2Image[] {
  const available = images.filter(({ state }) => state === "available");
  const failed = images.filter(({ state }) => state === "failed");
  return [...available.slice(keep), ...failed].filter(({ amiId }) => !inUse.has(amiId));
}

/**
 * Answers the images that a person means by a name or an id.
 * @throws NotFoundError when there are none; ConflictError `image-in-use` when a pool names one of them.
 */
export function chooseImages(images: readonly Ec2Image[], nameOrId: string, inUse: ReadonlySet<string>): Ec2Image[] {
  const chosen = images.filter(({ amiId, name }) => amiId === nameOrId || name === nameOrId);
  if (chosen.length === 0)
    throw new NotFoundError(
      "unknown-image",
      `there is no image "${nameOrId}" of ours; \`mayfly image list --driver ec2\` shows those that there are`,
    );
  const used = chosen.find(({ amiId }) => inUse.has(amiId));
  if (used === undefined) return chosen;
  throw new ConflictError(
    "image-in-use",
    `image ${used.amiId} is the \`pool.ec2.ami\` of a pool: give that another one first`,
  );
}

async function ignoreNotFound(gone: Promise<unknown>): Promise<void> {
  try {
    await gone;
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
}
