import * as z from "zod";
import type { TargetWish } from "../domain/pool.ts";
import { duration } from "./fields.ts";

/** A share of jobs: neither none nor all, which no number of machines could promise. */
function share() {
  const error = "a share of jobs from 0.5 to 0.999, such as 0.95";
  return z.number({ error }).min(0.5, { error }).max(0.999, { error });
}

/** A price in US dollars, > 0. */
function price(max: number) {
  const error = `a price in US dollars, above 0 and at most ${max}`;
  return z.number({ error }).gt(0, { error }).max(max, { error });
}

/** What a pool may spend from midnight to midnight UTC. */
export const budgetPerDay = () => price(1_000_000);

/** `[pool.target]`: the rules that bind several values are in targetRules.ts. */
export const targetSchema = z.strictObject(
  { wait: duration(0), share: share().optional(), wait_price: price(1000).optional() },
  { error: "a table" },
);

/** Reads `[pool.target]`. */
export const targetFrom = (fields: z.output<typeof targetSchema> | undefined): TargetWish | undefined =>
  fields && { waitMs: fields.wait, share: fields.share, waitUsdPerMinute: fields.wait_price };
