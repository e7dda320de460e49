import type { Random } from "../../ports/random.ts";
import type { ProviderOptions } from "../provider.ts";
import type { Ec2Habits } from "../world/day.ts";

/** The region of the simulated account, and what is in it. */
export const REGION = "eu-central-1";
export const AMI = "ami-0123456789abcdef0";
export const SECURITY_GROUP = "sg-0123456789abcdef0";
const ZONE_OF: Readonly<Record<string, string>> = {
  "subnet-0000000000000000a": "eu-central-1a",
  "subnet-0000000000000000b": "eu-central-1b",
  "subnet-0000000000000000c": "eu-central-1c",
};
export const ZONES = Object.values(ZONE_OF);
export const SUBNETS = Object.keys(ZONE_OF) as readonly string[] as readonly [string, string, string];

/** The zone of a subnet; undefined when the region has no such subnet. */
export const zoneOf = (subnet: string): string | undefined => ZONE_OF[subnet];

const HEX_DIGITS = 17;

/** What the provider of such an account is like. */
export const ec2ProviderFrom = ({ pendingMs }: Ec2Habits): ProviderOptions => ({
  launchDelayMs: pendingMs,
  endsOnPowerOff: true,
  nameInstance: (random) => `${REGION}/${idFrom("i", random)}`,
});

/** A new id of EC2's form. */
export const idFrom = (prefix: string, { fraction }: Pick<Random, "fraction">): string =>
  `${prefix}-${Array.from({ length: HEX_DIGITS }, () => Math.floor(fraction() * 16).toString(16)).join("")}`;

/** The id of an instance within its region. */
export const instanceIdOf = (providerId: string): string => providerId.slice(REGION.length + 1);
