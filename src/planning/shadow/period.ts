import type { EpochMs } from "../../domain/ids.ts";
import type { ShadowBook, ShadowInput } from "./book.ts";
import { advance, take, visit } from "./run.ts";
import type { ShadowMind, ShadowSetting } from "./run.ts";
import type { Compared, Tally } from "./tally.ts";

/** A stretch of a shadow's life: what it began with and heard, which come to the same figures whenever they are replayed. */
export interface ShadowPeriod {
  readonly setting: ShadowSetting;
  readonly start: ShadowBook;
  /** In order; what the policy wished for is among them. */
  readonly inputs: readonly ShadowInput[];
  /** How long the boots, the starts and the stops took that were asked for, in that order. In milliseconds. */
  readonly tookMs: readonly number[];
  readonly to: EpochMs;
}

/** What a stretch came to. */
export interface PeriodResult {
  readonly tally: Tally;
  readonly compared: Compared;
}

/** Replays a stretch from its record alone. Answers the book at its end. @throws Error when the record is not whole. */
export function replayPeriod({ setting, start, inputs, tookMs, to }: ShadowPeriod): ShadowBook {
  const book = structuredClone(start);
  let [next, asked] = [0, 0];
  const nextTookMs = (): number => {
    const ms = tookMs[asked++];
    if (ms === undefined) throw new Error("the record tells of fewer boots, starts and stops than its shadow needs");
    return ms;
  };
  const mind: ShadowMind = {
    levelAt({ level, at }) {
      const input = inputs[next];
      if (input?.kind !== "level" || input.at > at) return level;
      next += 1;
      return input.level;
    },
    changesAt: () => {
      const input = inputs[next];
      return input?.kind === "level" ? input.at : Infinity;
    },
    ...{ nextBootMs: nextTookMs, nextStartMs: nextTookMs, nextStopMs: nextTookMs },
  };
  while (next < inputs.length) {
    const input = inputs[next];
    if (input === undefined) break;
    // A wish is taken when time has come to it: its turn is in between what is due.
    if (input.kind === "level") visit(setting, book, input.at, mind);
    else {
      next += 1;
      take(setting, book, input, mind);
    }
  }
  advance(setting, book, to, mind);
  return book;
}
