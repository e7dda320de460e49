import { MachineError } from "../../../domain/errors.ts";
import { machineIdFrom } from "../../../domain/ids.ts";
import type { Address } from "../../../domain/machine.ts";
import type { GuestSettings } from "../../../domain/pool.ts";
import type { Ec2Shape } from "../../../domain/shape.ts";
import type { Guest, MachineKeys } from "../../../ports/guest.ts";
import type { Instance } from "../../../ports/driver.ts";
import type { Ec2Context } from "../context.ts";
import { isGone, siteOf } from "../context.ts";
import { launchInstance } from "../launch.ts";
import { instanceFrom } from "../list.ts";
import { BUILDER_TAG } from "../tags.ts";
import { within } from "./deadline.ts";
import { BUILDER_LIFE_MS, endBuilder } from "./endBuilder.ts";

const LAUNCH_DEADLINE_MS = 3 * 60_000;
const ADDRESS_DEADLINE_MS = 5 * 60_000;

/** The machine that an image is made of. */
export interface Builder {
  readonly instanceId: string;
  readonly address: Address;
  readonly keys: MachineKeys;
}

/** What a builder starts as. */
export interface BuilderSpec {
  readonly poolName: string;
  /** With the image that it starts from. */
  readonly shape: Ec2Shape;
  readonly settings: GuestSettings;
}

/** What ends a build. */
export interface BuildSignals {
  /** Ends the build; what it made is cleaned up. */
  readonly signal: AbortSignal;
  /** Ends the cleaning up, too. */
  readonly hurry: AbortSignal;
}

/**
 * Launches a builder, hands it to `use`, and ends it whatever comes of that. The launch is not cut short by the first signal: a
 * call that is given up may have brought a machine. @throws what `use` throws; SystemError `builder-left` when the end failed.
 */
export async function withBuilder<T>(
  context: Ec2Context,
  spec: BuilderSpec,
  guest: Pick<Guest, "createKeys" | "seedFrom">,
  { signal, hurry }: BuildSignals,
  use: (builder: Builder) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const { clock, random } = context.deps;
  const machineId = machineIdFrom(random.id("builder"));
  const keys = guest.createKeys(machineId);
  // Nobody sets its switch back: left alone it ends with its life.
  const limits = { orphanTimeoutMs: BUILDER_LIFE_MS, lifetimeMs: BUILDER_LIFE_MS };
  const seed = await guest.seedFrom([machineId], keys, spec.settings, limits);
  const shape = builderShapeFrom(spec.shape, clock.now() + BUILDER_LIFE_MS);
  let launched: Instance | undefined;
  let failure: { readonly error: unknown } | undefined;
  try {
    launched = await within(LAUNCH_DEADLINE_MS, "EC2 to launch the builder", clock, hurry, (limit) =>
      launchInstance(context, { machineId, poolName: spec.poolName, shape, seed }, machineId, limit),
    );
    const instanceId = launched.providerId.split("/")[1] ?? "";
    signal.throwIfAborted();
    const address = launched.address ?? (await addressOf(context, shape, instanceId, signal));
    return await use({ instanceId, address, keys });
  } catch (error) {
    failure = { error };
    throw error;
  } finally {
    await endBuilder(context, spec.shape, { machineId, providerId: launched?.providerId, failure }, hurry);
  }
}

/** Spot machines of this kind cannot be stopped; and what a job may do is nothing to a builder. */
const builderShapeFrom = (shape: Ec2Shape, deadline: number): Ec2Shape => ({
  ...shape,
  market: "on-demand",
  instanceProfile: undefined,
  tags: { ...shape.tags, [BUILDER_TAG]: new Date(deadline).toISOString() },
});

async function addressOf(
  context: Ec2Context,
  shape: Ec2Shape,
  instanceId: string,
  signal: AbortSignal,
): Promise<Address> {
  const site = siteOf(context, shape);
  const { publicAddress } = shape;
  const what = `the address of the builder ${instanceId}`;
  const seen = await within(ADDRESS_DEADLINE_MS, what, context.deps.clock, signal, (limit) =>
    site.describer.until(
      instanceId,
      (one) => isGone(one) || (publicAddress ? one.PublicIpAddress : one.PrivateIpAddress) !== undefined,
      limit,
    ),
  );
  const { address } = instanceFrom(site, seen);
  if (address !== undefined && !isGone(seen)) return address;
  throw new MachineError("builder-ended", `the builder ${instanceId} ended: ${seen.StateReason?.Message ?? ""}`);
}
