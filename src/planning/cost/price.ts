import type { MachinePrice, Offering } from "../../domain/cost.ts";
import type { DesiredPool } from "../../domain/pool.ts";
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
  const usdPerGiBMonth = cost.usdPerGiBMonth ?? EC2_PRICES.usdPerGiBMonth[offering?.region ?? ""] ?? 0;
  const diskUsdPerHour = (diskGiB * usdPerGiBMonth) / HOURS_PER_MONTH;
  return { ...machine, usdPerHour: machine.usdPerHour + diskUsdPerHour, ...(diskUsdPerHour > 0 && { diskUsdPerHour }) };
}

function configuredPrice(cost: NonNullable<DesiredPool["cost"]>, offering?: Offering): MachinePrice | undefined {
  const usdPerHour = cost.usdPerHourByType?.[offering?.instanceType ?? ""] ?? cost.usdPerHour;
  return usdPerHour === undefined ? undefined : { usdPerHour, source: "the configuration" };
}

function offeredPrice(offering?: Offering): MachinePrice | undefined {
  if (offering === undefined) return undefined;
  const { instanceType, region, market, usdPerHour } = offering;
  if (usdPerHour !== undefined) return { usdPerHour, source: `the ${market} price at its launch` };
  // What spot costs is known only by asking.
  const listed = market === "on-demand" ? listedPrice(region, instanceType) : undefined;
  return listed === undefined ? undefined : { usdPerHour: listed, source: `the price list of ${EC2_PRICES.date}` };
}

function listedPrice(region: string, instanceType: string): number | undefined {
  const [family = "", size = ""] = instanceType.split(".");
  const sizes = EC2_PRICES.onDemand[region]?.[family] ?? "";
  const entry = sizes.split(", ").find((text) => text.startsWith(`${size} `));
  return entry === undefined ? undefined : Number(entry.slice(size.length + 1));
}

/** A machine on the manager's own host costs what the configuration says, and that is nothing unless it does. */
const ownPrice = ({ driver }: DesiredPool["shape"]): MachinePrice | undefined =>
  driver === "qemu" ? { usdPerHour: 0, source: "this host" } : undefined;
