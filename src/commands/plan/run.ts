import { ConfigError } from "../../domain/errors.ts";
import { bootQuantile } from "../../planning/capacity/target/bootTimes.ts";
import type { Trial } from "../../planning/capacity/trial.ts";
import { createSeededRandom } from "../../simulation/random.ts";
import { systemClock } from "../../daemon/clock.ts";
import type { CommandContext } from "../context.ts";
import { withInterrupts } from "../interrupts.ts";
import { createProgressDisplay } from "../progress/display.ts";
import { compareAll } from "./compare.ts";
import { cutInput, readInput } from "./input.ts";
import { bootTimesFrom, shareFrom, waitFrom } from "./options.ts";
import type { PlanOptions } from "./options.ts";
import { goalFrom, policiesFrom } from "./policies.ts";
import { adviseSettings, printAdvice } from "./recommend.ts";
import { printReport } from "./report.ts";
import { printSizing, sizeByTrace } from "./sizing.ts";
import { settingFrom } from "./setting.ts";

const DEFAULT_GOAL = { waitMs: 5_000, share: 0.95 };
const DEFAULT_BOOT_MS = 60_000;

/** Runs `mayfly plan`. @throws ConfigError for wrong usage, a wrong config, a wrong trace. */
export async function runPlan(options: PlanOptions, context: CommandContext): Promise<void> {
  const setting = await settingFrom(options, context);
  const asked = goalFrom(options.policy, DEFAULT_GOAL);
  const goal = {
    waitMs: options.wait === undefined ? asked.waitMs : waitFrom("--wait", options.wait),
    share: options.share === undefined ? asked.share : shareFrom("--share", options.share),
  };
  const policies = policiesFrom(options.policy, goal, setting.poolOf);
  const givenBoots = options.boot === undefined ? undefined : bootTimesFrom(options.boot);
  const progress = createProgressDisplay(context.stderr, systemClock.now);
  try {
    const print = await withInterrupts(async ({ first: signal }) => {
      const input = await readInput(options, setting.poolOf, context, progress, signal);
      const bootTimes = givenBoots ?? (input.bootTimesMs.length > 0 ? input.bootTimesMs : [DEFAULT_BOOT_MS]);
      const trial: Trial = {
        ...cutInput(input, options),
        ...goal,
        limits: setting.limits,
        bootMsOf: bootsFrom(bootTimes),
        bootMs: bootQuantile({ tookMs: bootTimes }, goal.share, bootTimes[0] ?? DEFAULT_BOOT_MS),
      };
      if (options.recommend === true) {
        const advice = await adviseSettings(trial, setting.poolOf(), context, progress, signal);
        return () => printAdvice(advice, trial, context);
      }
      if (options.sizing === true) {
        const sized = sizeByTrace(trial, options, setting.pool, progress);
        return () => printSizing(sized, trial, context);
      }
      const comparison = await compareAll(trial, policies, options.engine, progress, signal);
      const report = { input, bootTimes, trial, comparison, usdPerHour: setting.usdPerHour };
      return () => printReport(report, options.out, context);
    });
    progress.close();
    await print();
  } finally {
    progress.close();
  }
}

/** Draws from measured boot times, the same for the n-th machine of every policy. */
function bootsFrom(bootTimes: readonly number[]): (order: number) => number {
  const [only] = bootTimes;
  if (only === undefined) throw new ConfigError([{ place: "--boot", message: "Expected a duration" }], "usage");
  if (bootTimes.length === 1) return () => only;
  const drawn: number[] = [];
  const random = createSeededRandom(1);
  return (order) => {
    while (drawn.length <= order) drawn.push(bootTimes[Math.floor(random.fraction() * bootTimes.length)] ?? only);
    return drawn[order] ?? only;
  };
}
