import type { EpochMs } from "../domain/ids.ts";
import type { WaitCause, WaitedMs } from "../domain/lease.ts";

/** What is known of a wait, and of the job before it. */
export interface RecordedWait {
  readonly createdAt: EpochMs;
  readonly parts: WaitedMs;
  /** Whether it has got its machine, or given up. */
  readonly isOver: boolean;
  /** The job of the same pool that came before, and when the machine that it got had come ready; absent where nobody knows. */
  readonly before?: { readonly createdAt: EpochMs; readonly machineReadyAt: EpochMs } | undefined;
  /** What a machine of the pool costs, in US dollars an hour; absent where nobody knows. */
  readonly usdPerHour?: number | undefined;
}

/** Where a wait went, in one sentence, and what one more idle machine would have changed. */
export interface ExplainedWait {
  readonly waitedMs: number;
  readonly why: string;
  readonly oneMore?: { readonly savedMs: number; readonly costUsd?: number | undefined } | undefined;
}

const WORDS: Readonly<Record<WaitCause, string>> = {
  "no-idle-machine": "until a machine was ordered, since none was idle",
  boot: "for a boot",
  "growth-limit": "for max_growth_rate",
  "max-machines": "for max_machines of the pool",
  "max-machines-overall": "for max_machines over all pools",
  "no-capacity": "for a provider without room",
  budget: "for the budget of the day",
  store: "for a store that could not be written",
  "pool-closed": "for a pool that was cordoned or drained",
  earlier: "before this manager, or this try of the job, began to count",
};
/** What more idle machines shorten. */
const MENDABLE = ["no-idle-machine", "boot"] as const;

/**
 * Explains a wait. The counterfactual is the closed form of a level that is one higher: the queue is served in order, so each job
 * would have got the machine of the job before it. From that job's arrival to this one's it is one machine more.
 */
export function explainWaitOf({ createdAt, parts, isOver, before, usdPerHour }: RecordedWait): ExplainedWait {
  const causes = Object.entries(parts) as [WaitCause, number][];
  const waitedMs = causes.reduce((sum, [, ms]) => sum + ms, 0);
  if (waitedMs === 0 && isOver) return { waitedMs, why: "it got an idle machine at once" };
  const longestFirst = causes.filter(([, ms]) => ms > 0).toSorted((a, b) => b[1] - a[1]);
  const causesText = longestFirst.map(([cause, ms]) => `${seconds(ms)} ${WORDS[cause]}`).join(", ");
  const where = `it ${isOver ? "waited" : "has waited"} ${seconds(waitedMs)}: ${causesText || "it was asked for just now"}`;
  if (!isOver) return { waitedMs, why: where };
  const mendableMs = MENDABLE.reduce((sum, cause) => sum + (parts[cause] ?? 0), 0);
  if (mendableMs * 2 < waitedMs) return { waitedMs, why: `${where}; no idle machine would have helped against that` };
  const leftMs = before === undefined ? 0 : Math.max(0, before.machineReadyAt - createdAt);
  const savedMs = Math.max(0, mendableMs - leftMs);
  const heldMs = before === undefined ? undefined : Math.max(0, createdAt - before.createdAt);
  const costUsd = heldMs === undefined || usdPerHour === undefined ? undefined : (usdPerHour * heldMs) / 3_600_000;
  const price = costUsd === undefined ? "" : ` for $${costUsd.toFixed(4)}`;
  const saving = savedMs === 0 ? "saved nothing" : `saved ${seconds(savedMs)}${price}`;
  return { waitedMs, why: `${where}; one more idle machine would have ${saving}`, oneMore: { savedMs, costUsd } };
}

const seconds = (ms: number): string => `${ms < 9_950 ? (ms / 1000).toFixed(1) : Math.round(ms / 1000)} s`;
