import { TransientError } from "../../domain/errors.ts";
import type { CallEc2 } from "./calls.ts";
import type { Ec2Deps } from "./options.ts";

/** What spot machines cost. */
export interface SpotPrices {
  /** The price of a type in a zone now, in US dollars per hour; undefined when EC2 does not tell in time. Never throws. */
  priceOf(instanceType: string, zone: string): Promise<number | undefined>;
}

/** Spot prices move over hours; a price that is this old is asked for anew. */
const FRESH_MS = 10 * 60_000;
/** A price is for people: no launch waits longer for one. */
const PRICE_DEADLINE_MS = 3_000;

/** Creates a memory of prices that asks when it must. @param closing ends what is asked. */
export function createSpotPrices(call: CallEc2, { clock, logger }: Ec2Deps, closing: AbortSignal): SpotPrices {
  const known = new Map<string, { readonly askedAt: number; readonly price: Promise<number | undefined> }>();

  const ask = async (instanceType: string, zone: string): Promise<number | undefined> => {
    const late = new AbortController();
    const stop = clock.schedule(PRICE_DEADLINE_MS, () =>
      late.abort(new TransientError("price-late", `no spot price of ${instanceType} in ${zone} within 3 s`)),
    );
    try {
      const input = {
        InstanceTypes: [instanceType as "m7i.large"],
        AvailabilityZone: zone,
        ProductDescriptions: ["Linux/UNIX"],
        // From now on: the price that holds, and none of its history.
        StartTime: new Date(clock.now()),
      };
      const { SpotPriceHistory } = await call(
        "DescribeSpotPriceHistory",
        input,
        AbortSignal.any([closing, late.signal]),
      );
      const usd = Number(SpotPriceHistory?.[0]?.SpotPrice ?? NaN);
      return Number.isFinite(usd) ? usd : undefined;
    } catch (error) {
      logger.debug({ instanceType, zone, err: error }, "no spot price");
      return undefined;
    } finally {
      stop();
    }
  };

  return {
    priceOf(instanceType, zone) {
      const key = `${instanceType} ${zone}`;
      const last = known.get(key);
      const now = clock.monotonic();
      if (last !== undefined && now - last.askedAt < FRESH_MS) return last.price;
      const price = ask(instanceType, zone);
      known.set(key, { askedAt: now, price });
      return price;
    },
  };
}
