import { ConflictError, MayflyError, NotFoundError, TransientError } from "../../domain/errors.ts";
import { describeIds } from "./describe.ts";
import { isGone } from "./context.ts";
import { createPaced } from "./paced.ts";
import type { Failures, Pace, Paced } from "./paced.ts";
import type { TerminatorDeps } from "./terminate.ts";

/** Nobody waits for a stop, so stops come together. Bound: that of terminations. */
const STOP_PACE: Pace = { windowMs: 50, intervalMs: 2_000, maxItems: 500 };
/** Somebody may wait for a start, and the account takes five at once and two a second: those that come together share one. */
const START_PACE: Pace = { windowMs: 50, intervalMs: 700, maxItems: 100 };

type PowerAction = "StopInstances" | "StartInstances";

/** Creates what joins the stops of a site into calls. */
export const createStopper = (deps: TerminatorDeps): Paced<string> =>
  createPaced((ids) => callForAll(deps, "StopInstances", ids), STOP_PACE, deps.clock, deps.closing);

/** Creates what joins the starts of a site into calls. */
export const createStarter = (deps: TerminatorDeps): Paced<string> =>
  createPaced((ids) => callForAll(deps, "StartInstances", ids), START_PACE, deps.clock, deps.closing);

async function callForAll(
  deps: TerminatorDeps,
  action: PowerAction,
  instanceIds: readonly string[],
): Promise<Failures<string>> {
  const { call, closing } = deps;
  const failures = new Map<string, unknown>();
  const ids = await oursOf(deps, instanceIds, failures);
  if (ids.length > 1) {
    try {
      await call(action, { InstanceIds: [...ids] }, closing);
      return failures;
    } catch (error) {
      closing.throwIfAborted();
      if (error instanceof TransientError || !(error instanceof MayflyError)) throw error;
      // One that is gone, in another state, or without room fails the whole call.
    }
  }
  await Promise.all(ids.map((id) => callForOne(deps, action, id).catch((reason) => void failures.set(id, reason))));
  return failures;
}

async function callForOne({ call, closing }: TerminatorDeps, action: PowerAction, id: string): Promise<void> {
  try {
    await call(action, { InstanceIds: [id] }, closing);
  } catch (error) {
    // It is still pending, or still being stopped. Not repeated within the call, where others would wait for it.
    if (error instanceof ConflictError && error.code === "incorrect-instance-state")
      throw new TransientError(error.code, error.message, { cause: error });
    throw error;
  }
}

/** Those that EC2 shows as our owner's. */
async function oursOf(
  { owner, call, ours, closing }: TerminatorDeps,
  instanceIds: readonly string[],
  failures: Map<string, unknown>,
): Promise<readonly string[]> {
  const unknown = instanceIds.filter((id) => !ours.has(id));
  if (unknown.length === 0) return [...new Set(instanceIds)];
  const found = await describeIds(call, owner, unknown, closing);
  const known = new Set(found.filter((instance) => !isGone(instance)).map(({ InstanceId }) => InstanceId));
  for (const id of unknown)
    if (!known.has(id)) failures.set(id, new NotFoundError("no-such-instance", `EC2 shows no instance ${id} of ours`));
  return [...new Set(instanceIds)].filter((id) => !failures.has(id));
}
