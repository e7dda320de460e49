import { CapacityError, ConfigError, ConflictError, TransientError } from "../../domain/errors.ts";
import type { Ec2Market, Ec2Shape } from "../../domain/shape.ts";
import type { LaunchSpec } from "../../ports/driver.ts";
import type { Ec2Context, SiteContext } from "./context.ts";
import { askOnce } from "./context.ts";
import { describeOurs } from "./describe.ts";
import { beforeLaunch } from "./errors.ts";
import { answerFrom, fleetRequestFrom, isQuota } from "./fleet.ts";
import type { FleetAnswer } from "./fleet.ts";
import { offeringsOf } from "./offerings.ts";
import type { Offering, PaidMarket } from "./offerings.ts";
import { MACHINE_TAG } from "./tags.ts";
import { ensureTemplate, forgetTemplate } from "./template.ts";

/** A machine that is to be launched. */
export interface Wanted {
  readonly spec: LaunchSpec;
  readonly shape: Ec2Shape;
  readonly token: string;
}

/** Pause before EC2 is asked again for what it says it has launched already. In milliseconds. */
const LOOK_AGAIN_MS = 2_000;
const LOOKS = 8;

/**
 * Finds a place for one machine: in the first market that its pool wants, among the offerings that had room lately, then in the
 * second. Answers the instance's id. @throws CapacityError with every reason when no offering has room.
 */
export async function placeMachine(
  context: Ec2Context,
  site: SiteContext,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<string> {
  const { shape } = wanted;
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
    const answer = await askFleet(context, site, { ...wanted, market, offerings: open, attempt }, signal);
    attempt += 1;
    if (answer.instanceId !== undefined) return answer.instanceId;
    reasons.push(...reasonsFrom(answer, market, open));
  }
  throw new CapacityError("no-offering", `no room for one more machine: ${[...new Set(reasons)].join("; ")}`);
}

/** Spot first, where the pool wants it; while spot machines are being taken back, not at all where there is a choice. */
function marketsFrom(market: Ec2Market, isBroken: boolean): readonly PaidMarket[] {
  if (market !== "spot-first") return [market];
  return isBroken ? ["on-demand"] : ["spot", "on-demand"];
}

/** One question for a wanted machine. */
interface Question extends Wanted {
  readonly market: PaidMarket;
  readonly offerings: readonly Offering[];
  readonly attempt: number;
}

async function askFleet(
  context: Ec2Context,
  site: SiteContext,
  wanted: Question,
  signal: AbortSignal,
  mayTryAgain = true,
): Promise<FleetAnswer> {
  const { owner } = context.options;
  const { market, offerings } = wanted;
  const template = await beforeLaunch(ensureTemplate(site, owner, wanted.shape, market));
  signal.throwIfAborted();
  try {
    const request = fleetRequestFrom({ owner, ...wanted, template });
    const answer = answerFrom(await site.call("CreateFleet", request, signal), offerings);
    learnFrom(site, answer, market);
    if (market === "spot" && answer.instanceId !== undefined) site.breaker.noteSpot();
    return answer;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CapacityError) return { refusals: [{ error }] };
    if (mayTryAgain && forgetTemplate(site, wanted.shape, market, error))
      return askFleet(context, site, wanted, signal, false);
    if (isOtherRequest(error)) return { instanceId: await findLaunched(context, site, wanted, signal), refusals: [] };
    throw error;
  }
}

/** Remembers what had no room. @throws what is no matter of room, when nothing was launched. */
function learnFrom(site: SiteContext, answer: FleetAnswer, market: PaidMarket): void {
  for (const refusal of answer.refusals) {
    if (isQuota(refusal)) site.offerings.coolDownAll(market);
    else if (refusal.error instanceof CapacityError && refusal.offering !== undefined)
      site.offerings.coolDown(refusal.offering, market);
  }
  if (answer.instanceId !== undefined) return;
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

/** The instance that an earlier request with this token brought, found by its tag. */
async function findLaunched(
  { options, deps }: Ec2Context,
  site: SiteContext,
  { spec }: Wanted,
  signal: AbortSignal,
): Promise<string> {
  try {
    for (let look = 0; look < LOOKS; look += 1) {
      const tag = { Name: `tag:${MACHINE_TAG}`, Values: [spec.machineId] };
      const instanceId = (await describeOurs(site.call, options.owner, [tag], signal))[0]?.InstanceId;
      if (instanceId !== undefined) return instanceId;
      await deps.clock.sleep(LOOK_AGAIN_MS, signal);
    }
  } catch (error) {
    signal.throwIfAborted();
    // That it cannot be asked for does not make it undone.
    throw new TransientError("launch-unknown", textOf(error), { cause: error });
  }
  throw new TransientError(
    "launch-unknown",
    `EC2 took the launch of ${spec.machineId} before, and shows nothing of it`,
  );
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

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
