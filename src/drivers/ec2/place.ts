import { CapacityError, ConfigError, ConflictError } from "../../domain/errors.ts";
import type { Ec2Market, Ec2Shape } from "../../domain/shape.ts";
import type { Ec2Context, SiteContext } from "./context.ts";
import { askOnce } from "./context.ts";
import { beforeLaunch } from "./errors.ts";
import { findLaunched } from "./findLaunched.ts";
import { answerFrom, fleetRequestFrom, isQuota } from "./fleet.ts";
import type { FleetAnswer } from "./fleet.ts";
import { offeringsOf } from "./offerings.ts";
import type { Offering, PaidMarket } from "./offerings.ts";
import type { Launched } from "./tags.ts";
import { ensureTemplate, forgetTemplate } from "./template.ts";

/** Machines that are to be launched by one call. */
export interface Wanted extends Launched {
  readonly shape: Ec2Shape;
  readonly userData: string;
}

/** What was found for them. */
export interface Placed {
  readonly instanceIds: readonly string[];
  /** Why there are fewer than machines. */
  readonly shortfall?: Error | undefined;
}

/**
 * Finds places for machines: in the first market that their pool wants, among the offerings that had room lately, and for those
 * that are left in the second. @throws CapacityError with every reason when no offering has room for a single one.
 */
export async function placeMachines(
  context: Ec2Context,
  site: SiteContext,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<Placed> {
  const found = new Set<string>();
  let shortfall: unknown;
  try {
    await fill(context, site, wanted, found, signal);
  } catch (error) {
    signal.throwIfAborted();
    // What the first market gave is there, whatever the second one answers.
    if (found.size === 0) throw error;
    shortfall = error;
  }
  const instanceIds = [...found];
  return shortfall instanceof Error ? { instanceIds, shortfall } : { instanceIds };
}

async function fill(
  context: Ec2Context,
  site: SiteContext,
  wanted: Wanted,
  found: Set<string>,
  signal: AbortSignal,
): Promise<void> {
  const { shape, machineIds } = wanted;
  const zones = await beforeLaunch(zonesOf(site, shape));
  const offerings = offeringsOf(shape, (subnet) => zones.get(subnet) ?? subnet);
  const reasons: string[] = [];
  let attempt = 0;
  for (const market of marketsFrom(shape.market, site.breaker.isOpen())) {
    const open = site.offerings.open(offerings, market);
    if (open.length === 0) {
      reasons.push(`no ${market} room at any of ${offerings.length} offerings a moment ago`);
      continue;
    }
    const count = machineIds.length - found.size;
    const answer = await askFleet(context, site, { ...wanted, count, market, offerings: open, attempt }, signal);
    attempt += 1;
    for (const id of answer.instanceIds) found.add(id);
    if (answer.problem !== undefined) throw answer.problem;
    if (found.size >= machineIds.length) return;
    reasons.push(...reasonsFrom(answer, market, open));
  }
  throw new CapacityError("no-offering", `no room for one more machine: ${[...new Set(reasons)].join("; ")}`);
}

/** Spot first, where the pool wants it; while spot machines are being taken back, not at all where there is a choice. */
function marketsFrom(market: Ec2Market, isBroken: boolean): readonly PaidMarket[] {
  if (market !== "spot-first") return [market];
  return isBroken ? ["on-demand"] : ["spot", "on-demand"];
}

/** One question for wanted machines. */
interface Question extends Wanted {
  readonly count: number;
  readonly market: PaidMarket;
  readonly offerings: readonly Offering[];
  readonly attempt: number;
}

interface Answer extends FleetAnswer {
  /** Why this is not all that there is to know. */
  readonly problem?: Error | undefined;
}

async function askFleet(
  context: Ec2Context,
  site: SiteContext,
  wanted: Question,
  signal: AbortSignal,
  mayTryAgain = true,
): Promise<Answer> {
  const { owner } = context.options;
  const { market, offerings } = wanted;
  const template = await beforeLaunch(ensureTemplate(site, owner, wanted.shape, market));
  signal.throwIfAborted();
  try {
    const request = fleetRequestFrom({ owner, ...wanted, template });
    const answer = answerFrom(await site.call("CreateFleet", request, signal), offerings);
    learnFrom(site, answer, market);
    if (market === "spot" && answer.instanceIds.length > 0) site.breaker.noteSpot();
    return answer;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CapacityError) return { instanceIds: [], refusals: [{ error }] };
    if (mayTryAgain && forgetTemplate(site, wanted.shape, market, error))
      return askFleet(context, site, wanted, signal, false);
    if (!isOtherRequest(error)) throw error;
    const { instanceIds, shortfall } = await findLaunched(context, site, wanted, signal);
    return { instanceIds, refusals: [], problem: shortfall };
  }
}

/** Remembers what had no room. @throws what is no matter of room, when nothing was launched. */
function learnFrom(site: SiteContext, answer: FleetAnswer, market: PaidMarket): void {
  for (const refusal of answer.refusals) {
    if (isQuota(refusal)) site.offerings.coolDownAll(market);
    else if (refusal.error instanceof CapacityError && refusal.offering !== undefined)
      site.offerings.coolDown(refusal.offering, market);
  }
  if (answer.instanceIds.length > 0) return;
  const other = answer.refusals.find(({ error }) => !(error instanceof CapacityError));
  if (other !== undefined) throw other.error;
}

const reasonsFrom = ({ refusals }: FleetAnswer, market: PaidMarket, offerings: readonly Offering[]): string[] => {
  if (refusals.length === 0) return [`EC2 gave no ${market} machine of ${offerings.length} offerings, and no reason`];
  return refusals.map(({ offering, error }) => {
    const where = offering === undefined ? market : `${market} ${offering.instanceType} in ${offering.zone}`;
    return `${where}: ${error.message}`;
  });
};

/** EC2 has taken a request with this token, and it was not quite this one: offerings cool down and come back in between. */
const isOtherRequest = (error: unknown): boolean =>
  error instanceof ConflictError && error.code === "idempotent-parameter-mismatch";

/** The zones of a shape's subnets: asked once. @throws ConfigError when EC2 does not know one. */
function zonesOf(site: SiteContext, { subnets }: Ec2Shape): Promise<ReadonlyMap<string, string>> {
  return askOnce(site, `zones ${subnets.join()}`, async (closing) => {
    const { Subnets } = await site.call("DescribeSubnets", { SubnetIds: [...subnets] }, closing);
    const zones = new Map(Subnets?.map(({ SubnetId = "", AvailabilityZone = "" }) => [SubnetId, AvailabilityZone]));
    const missing = subnets.find((subnet) => !zones.has(subnet));
    if (missing === undefined) return zones;
    const message = `Expected subnets of region ${site.site.region}, got "${missing}"`;
    throw new ConfigError([{ place: "pool.ec2.subnets", message }]);
  });
}
