import { MayflyError, SystemError, TransientError } from "../../../domain/errors.ts";
import type { MachineId } from "../../../domain/ids.ts";
import type { Ec2Shape } from "../../../domain/shape.ts";
import type { Ec2Context, SiteContext } from "../context.ts";
import { isGone, providerIdFrom, siteOf } from "../context.ts";
import { describeOurs } from "../describe.ts";
import { isBuilding } from "../list.ts";
import { BUILDER_TAG, MACHINE_TAG } from "../tags.ts";
import { terminateInstances } from "../terminate.ts";
import { within } from "./deadline.ts";

/** From a builder's launch to its end: longer than all that a build waits for. After it the builder is nobody's. */
export const BUILDER_LIFE_MS = 150 * 60_000;
const END_DEADLINE_MS = 3 * 60_000;
const END_AGAIN_MS = 5_000;
/** EC2 may show late what it has launched; for so long one whose launch was not answered is looked for. */
const LOOKS = 8;
const LOOK_AGAIN_MS = 2_000;

/** A builder, and how far it came. */
export interface EndedBuilder {
  readonly machineId: MachineId;
  /** Undefined when its launch was not answered. */
  readonly providerId: string | undefined;
  /** Why it is not needed any more, when that was an error. */
  readonly failure: { readonly error: unknown } | undefined;
}

/** Ends a builder. @throws SystemError `builder-left` when that failed, unless something else did before: then it is logged. */
export async function endBuilder(
  context: Ec2Context,
  shape: Ec2Shape,
  { machineId, providerId, failure }: EndedBuilder,
  hurry: AbortSignal,
): Promise<void> {
  const { clock, logger } = context.deps;
  try {
    await within(END_DEADLINE_MS, "the end of the builder", clock, hurry, async (limit) => {
      const id = providerId ?? (await findLost(context, siteOf(context, shape), machineId, failure?.error, limit));
      if (id !== undefined) await terminateSurely(context, id, limit);
    });
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const later = `a manager or the next build ends it when it is ${BUILDER_LIFE_MS / 60_000} min old`;
    const message = `the builder ${providerId ?? machineId} could not be ended (${said}); ${later}`;
    if (failure === undefined) throw new SystemError("builder-left", message, { cause: error });
    logger.error({ machineId, providerId }, message);
  }
}

/** Ends what earlier builds left, once it is past its deadline. */
export async function endLeftBuilders(context: Ec2Context, shape: Ec2Shape, signal: AbortSignal): Promise<void> {
  const { site, call } = siteOf(context, shape);
  const { options, deps } = context;
  const now = deps.clock.now();
  const builders = await describeOurs(call, options.owner, [{ Name: "tag-key", Values: [BUILDER_TAG] }], signal);
  const left = builders.filter((instance) => !isGone(instance) && !isBuilding(instance, now));
  if (left.length === 0) return;
  await terminateInstances(
    context,
    left.map(({ InstanceId = "" }) => providerIdFrom(site, InstanceId)),
    signal,
  );
}

/** Whether EC2 said itself that it launched nothing, so that there is nothing to look for. */
const isRefusal = (error: unknown): boolean =>
  error instanceof MayflyError &&
  !(error instanceof TransientError) &&
  !(error instanceof SystemError && error.code === "deadline");

/** The instance of a launch that was not answered; none where EC2 said itself that there is none. */
async function findLost(
  { options, deps }: Ec2Context,
  { site, call }: SiteContext,
  machineId: MachineId,
  error: unknown,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (isRefusal(error)) return undefined;
  const filter = { Name: `tag:${MACHINE_TAG}`, Values: [machineId] };
  for (let look = 0; look < LOOKS; look += 1) {
    if (look > 0) await deps.clock.sleep(LOOK_AGAIN_MS, signal);
    const [found] = await describeOurs(call, options.owner, [filter], signal);
    if (found?.InstanceId !== undefined) return providerIdFrom(site, found.InstanceId);
  }
  return undefined;
}

async function terminateSurely(context: Ec2Context, providerId: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await terminateInstances(context, [providerId], signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TransientError)) throw error;
    }
    await context.deps.clock.sleep(END_AGAIN_MS, signal);
  }
}
