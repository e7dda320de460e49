import type { Progress } from "../../src/ports/progress.ts";
import { serveMachines } from "../support/ec2/rate.ts";
import { comparisonFrom } from "./turns.ts";
import type { Comparison } from "./turns.ts";

/** What a machine may cost of the account's API, its share of the lists included. */
export const API_CALLS_GOAL = 2;

const NEAR = { machines: 200, everyMs: 600 };
const FAR = { machines: 20, everyMs: 20_000 };

/** Counts EC2's API calls a machine on a pretended clock: machines that come seldom, and 100 of them a minute. */
export async function compareApiCalls(progress: Progress, signal: AbortSignal): Promise<Comparison> {
  const step = progress.step("Counting EC2's API calls");
  signal.throwIfAborted();
  // The clock is pretended, so another round would count the same.
  const pair = [await callsOf(FAR), await callsOf(NEAR)] as const;
  step.done();
  return comparisonFrom("EC2 API calls a machine", "calls", ["3 machines a minute", "100 machines a minute"], [pair]);
}

async function callsOf({ machines, everyMs }: typeof NEAR): Promise<number> {
  return (await serveMachines(machines, everyMs)).calls.length / machines;
}
