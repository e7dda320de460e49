import type { EpochMs } from "../../domain/ids.ts";
import type { ShadowBook, ShadowInput } from "./book.ts";
import { advance, look, take } from "./run.ts";
import type { ShadowMind, ShadowSetting } from "./run.ts";
import type { Compared, Tally } from "./tally.ts";

/** A stretch of a shadow's life: what it began with and heard, which come to the same figures whenever they are replayed. */
export interface ShadowPeriod {
  readonly setting: ShadowSetting;
  readonly start: ShadowBook;
  /** In order; what the policy wished for is among them. */
  readonly inputs: readonly ShadowInput[];
  /** How long the machines that were launched booted, in their order. In milliseconds. */
  readonly boots: readonly number[];
  readonly to: EpochMs;
}

/** What a stretch came to. */
export interface PeriodResult {
  readonly tally: Tally;
  readonly compared: Compared;
}

/** Replays a stretch from its record alone. Answers the book at its end. @throws Error when the record is not whole. */
export function replayPeriod({ setting, start, inputs, boots, to }: ShadowPeriod): ShadowBook {
  const book = structuredClone(start);
  let [next, booted] = [0, 0];
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
    nextBootMs() {
      const bootMs = boots[booted++];
      if (bootMs === undefined) throw new Error("the record tells of fewer boots than its shadow needs");
      return bootMs;
    },
  };
  // A shadow is looked at when it begins; what begins later is at rest, and nothing comes of it.
  look(setting, book, book.at, mind);
  while (next < inputs.length) {
    const input = inputs[next];
    if (input === undefined) break;
    // A wish is taken when time has come to it: its turn is in between what is due.
    if (input.kind === "level") look(setting, book, input.at, mind);
    else {
      advance(setting, book, input.at, mind);
      // What is due at that moment may have come to a wish that stands before it.
      if (inputs[next] !== input) continue;
      next += 1;
      take(setting, book, input, mind);
    }
  }
  advance(setting, book, to, mind);
  return book;
}
