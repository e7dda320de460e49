import { parseArgs } from "node:util";
import type { ProviderName } from "./providers.ts";

export const USAGE = `usage: npm run simulate -- [--seeds N] [--from SEED] [--calm] [--provider ec2] [--json]
       npm run simulate -- --seed SEED [--faults INDEX,…|none] [--provider ec2] [--json]
       npm run simulate -- --crash [--stopped] [--pairs [--limit N --seed SEED]] [--shard I/N] [--provider ec2] [--json]
       npm run simulate -- --crash [--stopped] --at CALL[,CALL] [--provider ec2] [--json]
--provider ec2: days in a simulated account of EC2, through the product's own driver`;

/** What `npm run simulate` is asked for. */
export type SimulateOptions = DaysOptions | CrashModeOptions;

export interface DaysOptions {
  readonly mode: "days";
  readonly provider: ProviderName;
  readonly seeds: number;
  readonly from: number;
  /** Only these faults of each day's plan, by index. @default all */
  readonly faults?: readonly number[] | undefined;
  readonly isJson: boolean;
}

export interface CrashModeOptions {
  readonly mode: "crash";
  /** The scenario in which machines are stopped and started. */
  readonly hasStopped: boolean;
  readonly provider: ProviderName;
  readonly hasPairs: boolean;
  readonly limit?: number | undefined;
  readonly seed: number;
  readonly shard: { readonly index: number; readonly of: number };
  /** One run with kills at these port calls, instead of all runs. */
  readonly at?: readonly number[] | undefined;
  readonly isJson: boolean;
}

/** Reads the arguments. @throws Error with a sentence when they make no sense. */
export function optionsFrom(args: readonly string[]): SimulateOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: "string" },
      from: { type: "string" },
      seed: { type: "string" },
      faults: { type: "string" },
      calm: { type: "boolean", default: false },
      crash: { type: "boolean", default: false },
      stopped: { type: "boolean", default: false },
      pairs: { type: "boolean", default: false },
      limit: { type: "string" },
      shard: { type: "string" },
      at: { type: "string" },
      provider: { type: "string", default: "simulated" },
      json: { type: "boolean", default: false },
    },
  });
  const { crash: isCrash, json: isJson, pairs: hasPairs, stopped: hasStopped } = values;
  const provider = providerFrom(values.provider);
  const foreign = (isCrash ? DAYS_ONLY : CRASH_ONLY).find(
    (name) => values[name] !== undefined && values[name] !== false,
  );
  if (foreign !== undefined) throw new Error(`--${foreign} says nothing ${isCrash ? "with" : "without"} --crash`);
  if (hasStopped && provider === "ec2") throw new Error("--stopped says nothing with --provider ec2");
  if (isCrash) {
    const limit = values.limit === undefined ? undefined : wholeFrom("limit", values.limit, 1);
    const at = values.at === undefined ? undefined : listFrom("at", values.at, 1);
    const shard = shardFrom(values.shard ?? "1/1");
    const seed = wholeFrom("seed", values.seed ?? "1", 0);
    return { mode: "crash", provider, hasStopped, hasPairs, limit, seed, shard, at, isJson };
  }
  if (values.seed !== undefined && (values.from !== undefined || values.seeds !== undefined))
    throw new Error("--seed is one day, --from and --seeds are many: give one or the other");
  const faults = values.faults === undefined || values.faults === "none" ? [] : listFrom("faults", values.faults, 0);
  return {
    mode: "days",
    provider,
    seeds: values.seed === undefined ? wholeFrom("seeds", values.seeds ?? "100", 1) : 1,
    from: wholeFrom("seed", values.seed ?? values.from ?? "1", 0),
    faults: values.calm || values.faults !== undefined ? faults : undefined,
    isJson,
  };
}

const CRASH_ONLY = ["stopped", "pairs", "limit", "shard", "at"] as const;
const DAYS_ONLY = ["seeds", "from", "faults", "calm"] as const;

function providerFrom(text: string): ProviderName {
  if (text === "simulated" || text === "ec2") return text;
  throw new Error(`Expected --provider to be simulated or ec2, got "${text}"`);
}

function wholeFrom(name: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < least)
    throw new Error(`Expected --${name} to be a whole number ≥ ${least}, got "${text}"`);
  return value;
}

const listFrom = (name: string, text: string, least: number): number[] =>
  text.split(",").map((part) => wholeFrom(name, part, least));

function shardFrom(text: string): { index: number; of: number } {
  const [index = "", of = ""] = text.split("/");
  const shard = { index: wholeFrom("shard", index, 1) - 1, of: wholeFrom("shard", of, 1) };
  if (shard.index >= shard.of) throw new Error(`Expected --shard to be I/N with I ≤ N, got "${text}"`);
  return shard;
}
