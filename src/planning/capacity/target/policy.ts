import type { EpochMs } from "../../../domain/ids.ts";
import type { LevelPolicy } from "../replay.ts";
import { decideLevel } from "./decide.ts";
import type { TargetSettings } from "./decide.ts";
import type { ExpectedJobs } from "./known.ts";
import { observeArrival, observeServed, observeTime } from "./observe.ts";
import type { TargetState } from "./state.ts";

/** What a front door knew beforehand of a recorded stretch. */
export interface Announcements {
  /** When it was known that the n-th job would come; undefined for one that nobody knew of before it was ready. */
  readonly announcedAt: (job: number) => EpochMs | undefined;
  /** What was known at that moment to come later. Asked with moments that never go back. */
  readonly expectedAt: (now: EpochMs) => readonly ExpectedJobs[];
}

const NONE: Announcements = { announcedAt: () => undefined, expectedAt: () => [] };

/** The target policy for a replay: `state` learns from each job when it has come, and from each wait when it is over. */
export function targetPolicy(
  state: TargetState,
  settings: TargetSettings,
  readyAt: Float64Array,
  announced: Announcements = NONE,
): LevelPolicy {
  let [seen, judged] = [0, 0];
  return ({ now, arrived, served, waitMs }) => {
    for (; seen < arrived; seen++) {
      const at = readyAt[seen] ?? now;
      // A job announced when its machine should have been on its way comes as a surprise, and must be learnt as one.
      if ((announced.announcedAt(seen) ?? at) > at - state.windowMs) observeArrival(state, at);
    }
    for (; judged < served; judged++) {
      observeServed(state, (waitMs[judged] ?? 0) <= settings.waitMs, settings.share);
    }
    observeTime(state, now);
    return decideLevel(state, settings, announced.expectedAt(now), now).level;
  };
}
