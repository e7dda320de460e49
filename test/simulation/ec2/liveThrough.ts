import { expect } from "vitest";
import { runDay } from "../../../src/simulation/run/runDay.ts";
import type { DayResult } from "../../../src/simulation/run/runDay.ts";
import { planDayWith } from "../modes/providers.ts";

/** Lives through the EC2 day of a seed, with all its faults if nothing else is said, and expects that it keeps every promise. */
export async function liveThroughEc2(seed: number, isCalm = false): Promise<DayResult> {
  const { day, faults, lengthMs } = planDayWith("ec2", seed);
  const result = await runDay(day, { faults: isCalm ? [] : faults, lengthMs });
  const again = `npm run simulate -- --provider ec2 --seed ${seed}${isCalm ? " --faults none" : ""}`;
  const broken = result.violations.map(({ invariant, atMs, text }) => `${invariant} at ${atMs} ms: ${text}`);
  expect({ again, broken }).toEqual({ again, broken: [] });
  return result;
}

/** Requests to EC2 in a day, of every action. */
export const ec2CallsOf = ({ callsByPort }: DayResult): number =>
  [...callsByPort].reduce((sum, [port, count]) => sum + (port.startsWith("ec2.") ? count : 0), 0);
