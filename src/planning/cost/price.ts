import type { MachinePrice, Offering } from "../../domain/cost.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { EC2_FAMILY_PRICES } from "./ec2FamilyPrices.ts";
import { EC2_PRICES } from "./ec2Prices.ts";

/** AWS's own month for prices by the month. Source: https://aws.amazon.com/ebs/pricing/ (730 hours). */
const HOURS_PER_MONTH = 730;

/**
 * Tells what a machine of a pool costs. What the configuration says goes first; then what the provider said when it was
 * asked; then the list that mayfly ships. Undefined where none of them knows: no price is better than a wrong one.
 */
export function priceFrom(
  { cost = {}, shape }: Pick<DesiredPool, "cost" | "shape">,
  offering?: Offering,
): MachinePrice | undefined {
  const machine = configuredPrice(cost, offering) ?? offeredPrice(offering) ?? ownPrice(shape);
  if (machine === undefined) return undefined;
  const diskGiB = "diskGiB" in shape ? shape.diskGiB : 0;
  const usdPerGiBMonth = cost.usdPerGiBMonth ?? listedDiskPrice(offering?.region) ?? 0;
  const diskUsdPerHour = (diskGiB * usdPerGiBMonth) / HOURS_PER_MONTH;
  return { ...machine, usdPerHour: machine.usdPerHour + diskUsdPerHour, ...(diskUsdPerHour > 0 && { diskUsdPerHour }) };
}

/** Where the list has no price of a Region's disks, that of the cheapest one stands for it: less than that none costs. */
const listedDiskPrice = (region: string | undefined): number | undefined =>
  region === undefined ? undefined : (EC2_PRICES.usdPerGiBMonth[region] ?? EC2_PRICES.usdPerGiBMonth["us-east-1"]);

function configuredPrice(cost: NonNullable<DesiredPool["cost"]>, offering?: Offering): MachinePrice | undefined {
  const usdPerHour = cost.usdPerHourByType?.[offering?.instanceType ?? ""] ?? cost.usdPerHour;
  return usdPerHour === undefined ? undefined : { usdPerHour, source: "the configuration" };
}

function offeredPrice(offering?: Offering): MachinePrice | undefined {
  if (offering === undefined) return undefined;
  const { instanceType, region, market, usdPerHour } = offering;
  if (usdPerHour !== undefined) return { usdPerHour, source: `the ${market} price at its launch` };
  // What spot costs is known only by asking.
  return market === "on-demand" ? listedPrice(region, instanceType) : undefined;
}

function listedPrice(region: string, instanceType: string): MachinePrice | undefined {
  const [family = "", size = ""] = instanceType.split(".");
  const exact = entryOf(EC2_PRICES.onDemand[region]?.[family], size);
  if (exact !== undefined) return { usdPerHour: exact, source: `the price list of ${EC2_PRICES.date}` };
  const large = entryOf(EC2_FAMILY_PRICES.largeOnDemand[region], family);
  const larges = largesIn(size);
  if (large === undefined || larges === undefined) return undefined;
  return { usdPerHour: large * larges, source: `the price list of ${EC2_FAMILY_PRICES.date}` };
}

/** Reads a list such as "large 0.1, xlarge 0.2". */
function entryOf(list: string | undefined, name: string): number | undefined {
  const entry = list?.split(", ").find((text) => text.startsWith(`${name} `));
  return entry === undefined ? undefined : Number(entry.slice(name.length + 1));
}

const SMALL_SIZES: Readonly<Record<string, number>> = {
  nano: 1 / 16,
  micro: 1 / 8,
  small: 1 / 4,
  medium: 1 / 2,
  large: 1,
};

/** How many machines of size "large" a size is. Undefined for what is none, such as "metal". */
function largesIn(size: string): number | undefined {
  const times = /^(\d*)xlarge$/.exec(size)?.[1];
  return times === undefined ? SMALL_SIZES[size] : 2 * Number(times || 1);
}

/** A machine on the manager's own host costs what the configuration says, and that is nothing unless it does. */
const ownPrice = ({ driver }: DesiredPool["shape"]): MachinePrice | undefined =>
  driver === "qemu" ? { usdPerHour: 0, source: "this host" } : undefined;
