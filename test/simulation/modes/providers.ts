import { EC2_DAY_MS, planEc2Day } from "../../../src/simulation/ec2/day.ts";
import { EC2_FAULT_KINDS, FAULT_KINDS } from "../../../src/simulation/faults/kinds.ts";
import type { Fault } from "../../../src/simulation/faults/kinds.ts";
import { planFaults } from "../../../src/simulation/faults/plan.ts";
import type { CrashScenario } from "../../../src/simulation/run/crashDay.ts";
import { EC2_SCENARIO } from "../../../src/simulation/run/crashEc2.ts";
import { DAY_MS, planDay } from "../../../src/simulation/world/day.ts";
import type { Day } from "../../../src/simulation/world/day.ts";

export type ProviderName = "simulated" | "ec2";

/** The day of a seed with one provider, and its faults. */
export interface PlannedDay {
  readonly day: Day;
  readonly faults: readonly Fault[];
  /** How long jobs come and faults strike, in milliseconds. */
  readonly lengthMs: number;
}

/** Plans the day of a seed with a provider. */
export function planDayWith(provider: ProviderName, seed: number): PlannedDay {
  if (provider === "ec2")
    return {
      day: planEc2Day(seed),
      faults: planFaults(seed, EC2_DAY_MS, EC2_FAULT_KINDS),
      lengthMs: EC2_DAY_MS,
    };
  return { day: planDay(seed), faults: planFaults(seed, DAY_MS, FAULT_KINDS), lengthMs: DAY_MS };
}

/** The scenario in which managers are killed everywhere; undefined for those of the simulated provider. */
export const scenarioOf = (provider: ProviderName): CrashScenario | undefined =>
  provider === "ec2" ? EC2_SCENARIO : undefined;

/** What the command line says of a provider. */
export const optionOf = (provider: ProviderName): string => (provider === "simulated" ? "" : ` --provider ${provider}`);
