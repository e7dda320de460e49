import { MachineError } from "../../../domain/errors.ts";
import type { DesiredPool } from "../../../domain/pool.ts";
import type { Ec2Shape } from "../../../domain/shape.ts";
import type { Guest, ReadyGuest } from "../../../ports/guest.ts";
import type { Progress, ProgressStep } from "../../../ports/progress.ts";
import type { Ec2Context, SiteContext } from "../context.ts";
import { createContext, siteOf } from "../context.ts";
import type { Ec2Deps } from "../options.ts";
import { withBuilder } from "./builder.ts";
import type { Builder, BuildSignals } from "./builder.ts";
import { awaitImage, createImage } from "./create.ts";
import { within } from "./deadline.ts";
import { endLeftBuilders } from "./endBuilder.ts";
import { findImages } from "./images.ts";
import type { Ec2Image } from "./images.ts";
import { recipeDigestFrom } from "./recipe.ts";
import { obsoleteFrom, removeImage } from "./remove.ts";

/** A stock image upgrades nothing, but fetches the engine and its friends from a mirror that may be slow. */
const READY_DEADLINE_MS = 20 * 60_000;
const STOP_DEADLINE_MS = 10 * 60_000;

export interface AmiDeps extends Ec2Deps {
  readonly guest: Pick<Guest, "createKeys" | "seedFrom" | "connect">;
  /** Reads the files that an image is made by. */
  readonly readRecipe: () => Promise<readonly string[]>;
  /** Takes from a ready machine all that makes it this one. */
  readonly forgetIdentity: (ready: ReadyGuest, signal: AbortSignal) => Promise<void>;
}

export interface AmiOptions {
  readonly owner: string;
  /** The pool whose network, types and stock image the builder has. */
  readonly pool: Pick<DesiredPool, "name" | "guest"> & { readonly shape: Ec2Shape };
  /** What the image is called; its versions are kept together. */
  readonly name: string;
  /** The stock image to start from. @default the pool's, or the one that the pool's was made from */
  readonly baseAmi?: string | undefined;
  /** Images of the name that are kept, ≥ 1. */
  readonly keep: number;
  /** Whether an unchanged recipe is built again, for newer packages. */
  readonly isForced: boolean;
  /** Images that pools name: none of them is ever removed. */
  readonly inUse: ReadonlySet<string>;
  readonly progress: Progress;
}

/** What came of a build. */
export interface BuiltAmi {
  readonly image: Ec2Image;
  /** False when the image was there already. */
  readonly isNew: boolean;
  /** Ids of the older images that went. */
  readonly removed: readonly string[];
}

/**
 * Makes a prepared image of a recipe unless there is one, and removes what is older than the last few. The builder is ended
 * whatever happens. @throws ConfigError for a wrong setting; CapacityError without room for a builder; MachineError for one that
 * does not come up; SystemError for a deadline, a denied action or what EC2 could not do.
 */
export async function buildAmi(options: AmiOptions, deps: AmiDeps, signals: BuildSignals): Promise<BuiltAmi> {
  const { owner, pool, name, progress } = options;
  const context = createContext({ owner, sites: [pool.shape] }, deps);
  const step = progress.step(`Building EC2 image ${name}`);
  try {
    const built = await findOrBuild(context, options, deps, step, signals);
    const { image, isNew } = built;
    if (isNew) step.done(image.amiId);
    else step.skip(`unchanged recipe, ${image.amiId} was built before`);
    return built;
  } catch (error) {
    step.fail("");
    throw error;
  } finally {
    context.closing.abort(new Error("the build is over"));
    for (const site of context.sites.values()) site.close();
  }
}

async function findOrBuild(
  context: Ec2Context,
  { owner, pool, name, baseAmi: wantedBase, keep, isForced, inUse }: AmiOptions,
  deps: AmiDeps,
  step: ProgressStep,
  signals: BuildSignals,
): Promise<BuiltAmi> {
  const { signal } = signals;
  const site = siteOf(context, pool.shape);
  const images = await findImages(site.call, owner, [], signal);
  const baseAmi = wantedBase ?? images.find(({ amiId }) => amiId === pool.shape.ami)?.baseAmi ?? pool.shape.ami;
  const digest = recipeDigestFrom(await deps.readRecipe(), baseAmi, pool.shape.diskGiB);
  await endLeftBuilders(context, pool.shape, signal);
  const ours = images.filter((image) => image.name === name);
  const known = isForced ? undefined : ours.find((image) => image.digest === digest && image.state !== "failed");
  if (known?.state === "pending") step.update(`waiting for ${known.amiId}, which an earlier build began`);
  const image =
    known === undefined
      ? await buildNew(context, site, { pool, baseAmi, name, digest }, deps, step, signals)
      : await finished(context, site, known, signal);
  const all = known === undefined ? [image, ...ours] : ours;
  const obsolete = obsoleteFrom(all, keep, new Set([...inUse, image.amiId]));
  for (const { amiId, snapshotIds } of obsolete) {
    step.update(`removing ${amiId}`);
    await removeImage(site.call, { amiId, snapshotIds }, signal);
  }
  return { image, isNew: known === undefined, removed: obsolete.map(({ amiId }) => amiId) };
}

const finished = async (
  context: Ec2Context,
  site: SiteContext,
  image: Ec2Image,
  signal: AbortSignal,
): Promise<Ec2Image> =>
  image.state === "available"
    ? image
    : awaitImage(context, site, [{ Name: "image-id", Values: [image.amiId] }], image.amiId, signal);

interface NewImage extends Pick<AmiOptions, "pool" | "name"> {
  readonly baseAmi: string;
  readonly digest: string;
}

function buildNew(
  context: Ec2Context,
  site: SiteContext,
  { pool, baseAmi, name, digest }: NewImage,
  deps: AmiDeps,
  step: ProgressStep,
  signals: BuildSignals,
): Promise<Ec2Image> {
  const { signal } = signals;
  const settings = { user: pool.guest.user, docker: "none", dataRoot: "/var/lib/docker", engine: "install" } as const;
  const spec = { poolName: pool.name, shape: { ...pool.shape, ami: baseAmi }, settings };
  step.update(`launching a builder from ${baseAmi}`);
  return withBuilder(context, spec, deps.guest, signals, async (builder) => {
    const { instanceId, address } = builder;
    step.update(`${instanceId} at ${address.host} installs the engine`);
    await prepare(builder, settings, deps, signal);
    step.update(`stopping ${instanceId}`);
    await stop(context, site, instanceId, signal);
    step.update(`EC2 makes the image of ${instanceId}`);
    return createImage(context, site, instanceId, { name, digest, baseAmi }, signal);
  });
}

/** Leaves on the builder what it installed, and nothing of itself. */
async function prepare(
  { instanceId, address, keys }: Builder,
  settings: Parameters<Guest["connect"]>[2],
  { guest, forgetIdentity, clock }: AmiDeps,
  signal: AbortSignal,
): Promise<void> {
  const what = `the builder ${instanceId} to be ready at ${address.host}`;
  const ready = await within(READY_DEADLINE_MS, what, clock, signal, (limit) =>
    guest.connect(address, keys, settings, limit),
  );
  try {
    await forgetIdentity(ready, signal);
  } finally {
    ready.channel.close();
  }
}

async function stop(
  { deps }: Ec2Context,
  { call, describer }: SiteContext,
  instanceId: string,
  signal: AbortSignal,
): Promise<void> {
  const isOver = (name: string | undefined): boolean => name === "stopped" || name === "terminated";
  const seen = await within(STOP_DEADLINE_MS, `${instanceId} to stop`, deps.clock, signal, async (limit) => {
    await call("StopInstances", { InstanceIds: [instanceId] }, limit);
    return describer.until(instanceId, ({ State }) => isOver(State?.Name), limit);
  });
  if (seen.State?.Name === "stopped") return;
  throw new MachineError("builder-ended", `the builder ${instanceId} ended: ${seen.StateReason?.Message ?? ""}`);
}
