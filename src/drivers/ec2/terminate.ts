import { MayflyError, NotFoundError, SystemError, TransientError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { CallEc2 } from "./calls.ts";
import type { Ec2Context } from "./context.ts";
import { isGone } from "./context.ts";
import { describeIds } from "./describe.ts";
import { eachInstance } from "./each.ts";
import { YOUNG_MS } from "./options.ts";
import { createPaced } from "./paced.ts";
import type { Failures, Paced } from "./paced.ts";

/** Nobody waits for an end, so ends come together; the first after a pause goes out at once. Bound: Karpenter's. */
const PACE = { windowMs: 50, intervalMs: 2_000, maxItems: 500 };

/** Ends instances of our owner. EC2 frees their volumes and interfaces with them; a spot request of one time ends too. */
export function terminateInstances(
  context: Ec2Context,
  providerIds: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  return eachInstance(context, providerIds, signal, (site, instanceId) => site.terminator.add(instanceId));
}

/** What joined calls about instances of one site take. */
export interface TerminatorDeps {
  readonly owner: string;
  readonly call: CallEc2;
  readonly clock: Clock;
  readonly closing: AbortSignal;
  readonly ours: Map<string, number>;
}

/** Creates what joins the ends of a site into calls. */
export function createTerminator(deps: TerminatorDeps): Paced<string> {
  return createPaced<string>((ids) => terminateBatch(deps, ids), PACE, deps.clock, deps.closing);
}

async function terminateBatch(deps: TerminatorDeps, instanceIds: readonly string[]): Promise<Failures<string>> {
  const { owner, call, ours, closing } = deps;
  const failures = new Map<string, unknown>();
  const unknown = instanceIds.filter((id) => !ours.has(id));
  const found = unknown.length === 0 ? [] : await describeIds(call, owner, unknown, closing);
  // What EC2 does not show as our owner's is a stranger's, or gone.
  const known = found.flatMap((instance) => (isGone(instance) || !instance.InstanceId ? [] : [instance.InstanceId]));
  const ids = [...new Set([...instanceIds.filter((id) => ours.has(id)), ...known])];
  if (ids.length === 0) return failures;
  try {
    await call("TerminateInstances", { InstanceIds: ids }, closing);
    for (const id of ids) ours.delete(id);
  } catch (error) {
    closing.throwIfAborted();
    if (error instanceof TransientError || !(error instanceof MayflyError)) throw error;
    // One that is gone or protected fails the whole call.
    await Promise.all(
      ids.map((id) => terminateOne(deps, id).catch((reason: unknown) => void failures.set(id, reason))),
    );
  }
  return failures;
}

async function terminateOne({ owner, call, ours, clock, closing }: TerminatorDeps, id: string): Promise<void> {
  try {
    await call("TerminateInstances", { InstanceIds: [id] }, closing);
  } catch (error) {
    closing.throwIfAborted();
    if (error instanceof NotFoundError) {
      const ageMs = clock.now() - (ours.get(id) ?? 0);
      if (ageMs < YOUNG_MS)
        throw new TransientError("not-visible-yet", `EC2 does not know ${id} yet, ${ageMs} ms after it launched it`);
    } else if (!(error instanceof SystemError)) throw error;
    // A policy bound to tags denies what is no more: only the list by tag tells the one from the other.
    else if ((await describeIds(call, owner, [id], closing)).some((instance) => !isGone(instance))) throw error;
  }
  ours.delete(id);
}
