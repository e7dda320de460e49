import { TransientError } from "../../domain/errors.ts";
import type { Ec2Context, SiteContext } from "./context.ts";
import { describeOurs } from "./describe.ts";
import type { Placed, Wanted } from "./place.ts";
import { CALL_TAG, MACHINE_TAG } from "./tags.ts";
import type { Launched } from "./tags.ts";

/** Pause before EC2 is asked again for what it says it has launched already. In milliseconds. */
const LOOK_AGAIN_MS = 2_000;
const LOOKS = 8;

/** The same as `placeMachines` for machines that an earlier request was for. @throws TransientError when EC2 shows none. */
export async function findLaunchedBefore(
  context: Ec2Context,
  site: SiteContext,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<Placed> {
  const found = await findLaunched(context, site, wanted, signal);
  if (found.instanceIds.length === 0 && found.shortfall !== undefined) throw found.shortfall;
  return found;
}

/**
 * The instances that earlier requests with this token brought, found by their tag: all of the machines', or what is shown of them
 * after a while, since nobody knows how many there are to be.
 */
export async function findLaunched(
  { options, deps }: Ec2Context,
  site: SiteContext,
  { machineIds, token }: Launched,
  signal: AbortSignal,
): Promise<Placed> {
  const [machineId = ""] = machineIds;
  const tag =
    machineIds.length === 1
      ? { Name: `tag:${MACHINE_TAG}`, Values: [machineId] }
      : { Name: `tag:${CALL_TAG}`, Values: [token] };
  // One describe may show what another does not yet.
  const found = new Set<string>();
  try {
    for (let look = 0; look < LOOKS; look += 1) {
      for (const { InstanceId } of await describeOurs(site.call, options.owner, [tag], signal))
        if (InstanceId !== undefined) found.add(InstanceId);
      if (found.size >= machineIds.length) break;
      await deps.clock.sleep(LOOK_AGAIN_MS, signal);
    }
  } catch (error) {
    signal.throwIfAborted();
    // That it cannot be asked for does not make it undone.
    throw new TransientError("launch-unknown", textOf(error), { cause: error });
  }
  const instanceIds = [...found];
  if (found.size >= machineIds.length) return { instanceIds };
  const shown = found.size === 0 ? "nothing of it" : `${found.size} of its ${machineIds.length} instances`;
  const problem = `EC2 took the launch of ${machineIds.join(", ")} before, and shows ${shown}`;
  return { instanceIds, shortfall: new TransientError("launch-unknown", problem) };
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
