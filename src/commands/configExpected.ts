import { ConfigError } from "../domain/errors.ts";
import type { DesiredPool } from "../domain/pool.ts";
import { expectFrom, MIN_JOBS } from "../planning/capacity/expect.ts";
import type { Expectation, ExpectedPool } from "../planning/capacity/expect.ts";
import { tryAsked } from "../planning/capacity/asked.ts";
import type { Trial, Tried } from "../planning/capacity/trial.ts";
import type { CommandContext } from "./context.ts";
import { withInterrupts } from "./interrupts.ts";
import { printTable, writeAll } from "./output.ts";
import { readOwnHistory } from "./plan/history.ts";
import { loopOnly, tryInLoop } from "./plan/loop.ts";
import { shownDuration, shownUsd } from "./shown.ts";

/** What a changed pool would have been like on its own past, or why that cannot be told. */
export type PoolExpectation = { readonly poolName: string } & (Expectation | { readonly note: string });

/** Replays the past of each pool that a file changes under what is in force and under the file. */
export async function expectPools(
  context: CommandContext,
  pools: readonly { readonly before: DesiredPool | undefined; readonly after: DesiredPool }[],
): Promise<PoolExpectation[]> {
  const expected: PoolExpectation[] = [];
  for (const { before, after } of pools) {
    const { name: poolName } = after;
    try {
      const past = await readOwnHistory(poolName, context);
      const judged = await withInterrupts(({ first: signal }) =>
        expectFrom(past, before, after, (trial, pool) => tryPool(trial, pool, signal)),
      );
      expected.push({ poolName, ...(judged ?? { note: tooLittle(past.arrivals.readyAt.length) }) });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      expected.push({ poolName, note: tooLittle(0) });
    }
  }
  return expected;
}

/** By the planner's rules, which are quick, and by the control loop itself where it alone knows what becomes of it, as of a budget. */
async function tryPool(trial: Trial, pool: DesiredPool, signal: AbortSignal): Promise<Tried> {
  const asked = { kind: "pool", pool } as const;
  return loopOnly(asked) === "" ? tryAsked(trial, asked) : tryInLoop(trial, asked, undefined, () => undefined, signal);
}

const tooLittle = (jobs: number): string =>
  `its past has ${jobs} jobs that are known, and ${MIN_JOBS} over six hours are the least to tell from: what it would cost shows as jobs come`;

/** Prints what the changed pools would have been like. */
export async function printExpected(context: CommandContext, expected: readonly PoolExpectation[]): Promise<void> {
  const judged = expected.flatMap((one) => ("note" in one ? [] : [one]));
  if (judged.length > 0) {
    await writeAll(context.stdout, "\nOn the jobs of its own past, a pool would have had:\n");
    const head = ["POOL", "JOBS", "DAYS", "IN TIME", "SHARE", "BEFORE", "IDLE", "BEFORE", "COST A DAY", "BEFORE"];
    await printTable(context, head, judged.map(rowOf));
  }
  for (const { poolName, after, days } of judged) {
    const { daysOverBudget } = after;
    if (daysOverBudget === undefined) continue;
    const alone = `the jobs alone of ${daysOverBudget} of ${Math.ceil(days)} days cost more than budget_per_day`;
    const text = `${alone}, and the longest wait would have been ${shownDuration(after.longestWaitMs)}`;
    await writeAll(context.stdout, `pool ${poolName}: ${text}\n`);
  }
  for (const one of expected) if ("note" in one) await writeAll(context.stdout, `pool ${one.poolName}: ${one.note}\n`);
}

const rowOf = ({ poolName, jobs, days, waitMs, before, after }: Expectation & { readonly poolName: string }) => [
  ...[poolName, jobs, days.toFixed(1), `within ${shownDuration(waitMs)}`],
  ...[
    percent(after),
    before && percent(before),
    idle(after),
    before && idle(before),
    cost(after),
    before && cost(before),
  ],
];

const percent = ({ share }: ExpectedPool): string => `${(Math.floor(share * 10_000 + 1e-6) / 100).toFixed(2)} %`;
const idle = ({ idleMachines }: ExpectedPool): string => idleMachines.toFixed(2);
const cost = ({ usdPerDay }: ExpectedPool): string | undefined =>
  usdPerDay === undefined ? undefined : shownUsd(usdPerDay);
