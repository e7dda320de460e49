import type { Ec2Shape } from "../../domain/shape.ts";
import type { Clock } from "../../ports/clock.ts";

/** Where a machine may come from: a type in a zone, paid in one of two ways. */
export interface Offering {
  readonly instanceType: string;
  readonly subnet: string;
  /** Unknown until EC2 was asked for the subnet; room is a matter of zones. */
  readonly zone: string;
}

export type PaidMarket = "spot" | "on-demand";

/** Remembers for a while which offerings had no room. */
export interface Offerings {
  /** Those of a list that are worth a try. */
  open(offerings: readonly Offering[], market: PaidMarket): Offering[];
  coolDown(offering: Offering, market: PaidMarket): void;
  /** A quota of the account is used up: no offering of the market is worth a try for a moment. */
  coolDownAll(market: PaidMarket): void;
}

/** An offering without room is left alone for so long. Karpenter's figure. */
const COOL_DOWN_MS = 180_000;
/** A quota frees up with the machines that end, which is a matter of seconds here. */
const QUOTA_COOL_DOWN_MS = 20_000;

/** Creates an empty memory. */
export function createOfferings(clock: Clock): Offerings {
  const coldUntil = new Map<string, number>();
  const isCold = (key: string): boolean => (coldUntil.get(key) ?? -Infinity) > clock.monotonic();
  return {
    open: (offerings, market) =>
      isCold(market) ? [] : offerings.filter((offering) => !isCold(keyOf(offering, market))),
    coolDown: (offering, market) => void coldUntil.set(keyOf(offering, market), clock.monotonic() + COOL_DOWN_MS),
    coolDownAll: (market) => void coldUntil.set(market, clock.monotonic() + QUOTA_COOL_DOWN_MS),
  };
}

const keyOf = ({ instanceType, zone }: Offering, market: PaidMarket): string => `${market} ${instanceType} ${zone}`;

/** Every type in every subnet. @param zoneOf the zone of a subnet. */
export const offeringsOf = (
  { instanceTypes, subnets }: Ec2Shape,
  zoneOf: (subnet: string) => string,
): readonly Offering[] =>
  instanceTypes.flatMap((instanceType) => subnets.map((subnet) => ({ instanceType, subnet, zone: zoneOf(subnet) })));
