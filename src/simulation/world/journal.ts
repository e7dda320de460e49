/** One thing that happened in a simulated world. */
export interface JournalLine {
  /** Milliseconds since the day's start. */
  readonly atMs: number;
  /** Ids that it concerns, separated by blanks. */
  readonly about: string;
  readonly what: string;
}

/** The event log of one run. The same seed writes the same lines. */
export interface Journal {
  note(about: string, what: string): void;
  /** Of all lines so far: 16 hexadecimal digits. */
  hash(): string;
  lineCount(): number;
  /** The lines themselves, when the journal keeps them. */
  readonly lines: readonly JournalLine[];
}

/** Creates an empty journal. Only a run that is to be shown keeps the lines: the others keep what proves them equal. */
export function createJournal(passedMs: () => number, keepsLines: boolean): Journal {
  const lines: JournalLine[] = [];
  let count = 0;
  let [low, high] = [0x811c9dc5, 0x1b873593];

  // Two lanes of FNV-1a: not against forgery, only to tell two runs apart.
  const mix = (text: string): void => {
    let [left, right] = [low, high];
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      left = Math.imul(left ^ code, 0x01000193);
      right = Math.imul(right ^ (code + index), 0x85ebca6b) ^ (right >>> 13);
    }
    // The length as well: where one text ends and the next begins must count.
    low = Math.imul(left ^ text.length, 0x01000193);
    high = right;
  };

  return {
    lines,
    lineCount: () => count,
    note(about, what) {
      const atMs = passedMs();
      count += 1;
      mix(String(atMs));
      mix(about);
      mix(what);
      if (keepsLines) lines.push({ atMs, about, what });
    },
    hash: () => [high, low].map((lane) => (lane >>> 0).toString(16).padStart(8, "0")).join(""),
  };
}
