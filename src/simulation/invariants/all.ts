import type { Happening } from "../world/happening.ts";
import type { World } from "../world/world.ts";
import { createBoundsCheck } from "./bounds.ts";
import { createBudgetCheck } from "./budget.ts";
import { createBreakerCheck } from "./breaker.ts";
import { createEc2CallsCheck } from "./ec2Calls.ts";
import { createFallbackCheck } from "./fallback.ts";
import { createGrowthCheck } from "./growth.ts";
import { createHeldWorkCheck } from "./heldWork.ts";
import { createJobEndsCheck } from "./jobEnds.ts";
import { createNoErrorCheck } from "./noError.ts";
import { createNoKillCheck } from "./noKill.ts";
import { createNoLeakCheck } from "./noLeak.ts";
import { createNoRashEndCheck } from "./noRashEnd.ts";
import { createPreloadCheck } from "./preload.ts";
import { createPromptLapseCheck } from "./promptLapse.ts";
import { createRatesCheck } from "./rates.ts";
import { createRecordedCheck } from "./recorded.ts";
import { createSingleUseCheck } from "./singleUse.ts";

const ec2ChecksOf = (world: World) =>
  [
    ["I8", createEc2CallsCheck(world)],
    ["fallback", createFallbackCheck(world)],
    ["breaker", createBreakerCheck(world)],
  ] as const;

/** Creates all checks of a world; answers how to tell them. What is broken is added to the world's violations. */
export function createChecks(world: World): (happening: Happening) => void {
  const checks = [
    ["I1", createSingleUseCheck(world)],
    ["I2", createNoLeakCheck(world)],
    ["I3", createNoKillCheck(world)],
    ["I4", createBoundsCheck(world)],
    ["I5", createJobEndsCheck(world)],
    ["I7", createNoRashEndCheck(world)],
    ["I6", createHeldWorkCheck(world)],
    ["I8", createGrowthCheck(world)],
    ["I8", createRatesCheck(world)],
    ["I9", createRecordedCheck(world)],
    ["I10", createBudgetCheck(world)],
    ["preload", createPreloadCheck(world)],
    ["lapse", createPromptLapseCheck(world)],
    ["log", createNoErrorCheck()],
    ...(world.day.provider.ec2 === undefined ? [] : ec2ChecksOf(world)),
  ] as const;

  return (happening) => {
    for (const [invariant, check] of checks) {
      const text = check(happening);
      if (text === undefined) continue;
      const about = /\b(m|l|job)-[0-9a-z-]+/.exec(text)?.[0] ?? "";
      world.violations.push({ atMs: world.clock.monotonic(), invariant, text, about });
      world.journal.note(about, `BROKEN ${invariant}: ${text}`);
    }
  };
}
