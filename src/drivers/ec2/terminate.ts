import type { Instance as Ec2Instance } from "@aws-sdk/client-ec2";
import { MayflyError, NotFoundError, SystemError, TransientError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { createAbsences } from "./absences.ts";
import type { Absences } from "./absences.ts";
import type { CallEc2 } from "./calls.ts";
import type { Ec2Context } from "./context.ts";
import { isGone } from "./context.ts";
import { describeIds } from "./describe.ts";
import { eachInstance } from "./each.ts";
import { YOUNG_MS } from "./options.ts";
import type { Ours } from "./ours.ts";
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
  readonly ours: Ours;
}

/** Creates what joins the ends of a site into calls. */
export function createTerminator(deps: TerminatorDeps): Paced<string> {
  const absences = createAbsences(deps.clock);
  return createPaced<string>((ids) => terminateBatch({ ...deps, absences }, ids), PACE, deps.clock, deps.closing);
}

type Terminator = TerminatorDeps & { readonly absences: Absences };

async function terminateBatch(deps: Terminator, instanceIds: readonly string[]): Promise<Failures<string>> {
  const { call, ours, closing } = deps;
  const failures = new Map<string, unknown>();
  const unknown = instanceIds.filter((id) => !ours.has(id));
  const known = unknown.length === 0 ? [] : await learnOf(deps, unknown, failures);
  const ids = [...new Set([...instanceIds.filter((id) => ours.has(id)), ...known])];
  if (ids.length === 0) return failures;
  try {
    await call("TerminateInstances", { InstanceIds: ids }, closing);
    for (const id of ids) ours.forget(id);
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

/** Answers which of some instances, of which this process has not heard, are ours and there. Strangers' are nobody's business. */
async function learnOf(
  { owner, call, closing, absences }: Terminator,
  instanceIds: readonly string[],
  failures: Map<string, unknown>,
): Promise<string[]> {
  const found = await describeIds(call, owner, instanceIds, closing);
  const isShown = (shown: readonly Ec2Instance[], id: string): boolean => shown.some((one) => one.InstanceId === id);
  const missing = instanceIds.filter((id) => !isShown(found, id));
  const strangers = missing.length === 0 ? [] : await describeIds(call, undefined, missing, closing);
  for (const id of missing) {
    const problem = isShown(strangers, id) ? undefined : absences.problemOf(id);
    if (problem !== undefined) failures.set(id, problem);
  }
  return found.flatMap((instance) => (isGone(instance) || !instance.InstanceId ? [] : [instance.InstanceId]));
}

async function terminateOne(deps: Terminator, id: string): Promise<void> {
  const { owner, call, ours, closing, absences } = deps;
  try {
    await call("TerminateInstances", { InstanceIds: [id] }, closing);
  } catch (error) {
    closing.throwIfAborted();
    const isUnknown = error instanceof NotFoundError;
    if (!isUnknown && !(error instanceof SystemError)) throw error;
    // EC2 may not have heard of it everywhere; a policy bound to tags denies what is no more. The list by tag tells more.
    const [found] = await describeIds(call, owner, [id], closing);
    if (found !== undefined && !isGone(found))
      throw isUnknown ? new TransientError("not-known-everywhere", `EC2 shows ${id}, but does not know it`) : error;
    const isOld = isUnknown && ours.knownForMs(id) >= YOUNG_MS;
    const problem = found === undefined && !isOld ? absences.problemOf(id) : undefined;
    if (problem !== undefined) throw problem;
  }
  ours.forget(id);
}
