import type { EpochMs } from "../domain/ids.ts";
import type { Change } from "../ports/store.ts";
import { hear } from "./shadow/desk.ts";
import type { ShadowDesk } from "./shadow/desk.ts";
import { heardFrom } from "./shadow/heard.ts";
import type { SpendBook } from "./spend.ts";
import type { Before } from "./state/state.ts";
import type { Planners } from "./target/planner.ts";
import type { WaitBook } from "./leases/waits.ts";

/** What is kept in mind of what happens, beside the records. */
interface Books {
  readonly planners: Planners;
  readonly shadows: ShadowDesk;
  readonly waits: WaitBook;
  readonly spend: SpendBook;
}

/** Has all books take note of a committed change. Cheap, and without a write: some changes are a job's way to its machine. */
export function learnFrom(
  { planners, shadows, waits, spend }: Books,
  change: Change,
  before: Before,
  waitingCount: (poolName: string) => number,
  now: EpochMs,
): void {
  if (change.kind === "machine-moved") spend.note(change.machine, before.machine, now);
  if (change.kind === "lease") {
    const { lease } = change;
    if (lease.state === "waiting" && before.lease === undefined)
      waits.begin(lease, waitingCount(lease.poolName) - 1, now);
    if (lease.state !== "waiting" && before.lease?.state === "waiting") waits.end(lease);
  }
  const announcedAt = planners.learn(change, before, now);
  if (shadows.byPool.size === 0) return;
  const news = heardFrom(change, before, announcedAt, now);
  if (news !== undefined) hear(shadows, news.poolName, news.heard);
}
