import type { DecisionView, PoolWhy } from "../ports/explain.ts";
import type { CommandContext } from "./context.ts";
import { printFields, printJson, printTable, writeAll } from "./output.ts";

/** Prints why a pool keeps as many machines ready as it does, with the last changes of level. */
export async function printPoolWhy(context: CommandContext, view: PoolWhy): Promise<void> {
  if (context.isJson) return printJson(context, view);
  const { shownDuration, shownInstant } = await import("./shown.ts");
  const { poolName, why, policy, level, bootMs, bootsMeasured, jobsSeen, promise, decision, budget, changes } = view;
  await printFields(context, {
    pool: poolName,
    why,
    policy,
    level,
    ...(decision === undefined ? {} : numbersOf(decision)),
    "boot time": `${shownDuration(bootMs)} (${bootsMeasured} measured)`,
    "jobs seen": jobsSeen,
    ...(promise === undefined ? {} : promiseFields(promise, shownDuration)),
    budget,
  });
  if (changes.length === 0) return;
  await writeAll(context.stdout, "\n");
  await printTable(
    context,
    ["since", "level", "bound by", "jobs/h", "a window's p95", "why"],
    changes.map((change) => [
      shownInstant(change.at),
      change.level,
      change.binding,
      shown(change.forecastPerHour),
      change.window?.p95,
      change.why,
    ]),
  );
}

function promiseFields(
  { waitMs, share, jobs, attainedShare, limitedJobs, priceFactor }: NonNullable<PoolWhy["promise"]>,
  shownDuration: (ms: number) => string,
): Record<string, string | undefined> {
  const limited = limitedJobs === 0 ? "" : `; ${limitedJobs} more waited for a limit`;
  const attained = attainedShare === undefined ? "nothing yet" : `${percent(attainedShare)} of the last ${jobs} jobs`;
  return {
    promised: `${share === undefined ? "what waiting is worth" : percent(share)} within ${shownDuration(waitMs)}`,
    attained: `${attained}${limited}`,
    "price factor": priceFactor === undefined ? undefined : `${shown(priceFactor)} by what jobs have waited`,
  };
}

const percent = (share: number): string => `${shown(share * 100)} %`;

function numbersOf(decision: DecisionView): Record<string, string | number | undefined> {
  const { binding, asked, forecastPerHour, window, price, lastPrice, nextPrice, waitUsdPerMinute } = decision;
  const minutes = (value: number | undefined): string | undefined =>
    value === undefined ? undefined : `${shown(value)} idle minutes for a job in time`;
  return {
    "bound by": binding,
    "asked for": asked,
    forecast: forecastPerHour === undefined ? undefined : `${shown(forecastPerHour)} jobs an hour`,
    "a window holds": window && `${window.p50} jobs (p50), ${window.p95} (p95), ${window.p99} (p99)`,
    "may cost": minutes(price),
    "last machine costs": minutes(lastPrice),
    "one more costs": minutes(nextPrice),
    "without the last": shownMissed(decision.missedWithoutLastPerHour),
    "a minute's waiting": waitUsdPerMinute === undefined ? undefined : `is valued at $${shown(waitUsdPerMinute)}`,
  };
}

const shownMissed = (missed: number | undefined): string | undefined =>
  missed === undefined ? undefined : `${shown(missed)} jobs an hour more would wait`;

const shown = (value: number | undefined): number | undefined =>
  value === undefined ? undefined : Number(value.toPrecision(3));
