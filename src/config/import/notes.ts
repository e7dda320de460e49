/**
 * What became of a setting: `became` one of ours; `changed`: it did, but does not mean quite the same; `stays` with gitlab-runner, whose
 * own file goes on having it; `lost`: nothing here does that; `secret`: it is not written anywhere, and is given in another way;
 * `missing`: mayfly needs it and the file does not have it, so a placeholder stands in its place.
 */
export type Verdict = "became" | "changed" | "stays" | "lost" | "secret" | "missing";

/** What became of one setting. Holds no value of the file that could be a secret. */
export interface Note {
  readonly verdict: Verdict;
  /** `file:line`. */
  readonly place: string;
  /** How the file names it, e.g. `runners.machine.IdleCount`. */
  readonly setting: string;
  readonly text: string;
}

/** A setting of the file, as far as notes need it. */
export interface Origin {
  readonly place: string;
  readonly name: string;
}

/** Gathers what became of the settings. */
export interface Notes {
  add(verdict: Verdict, origin: Origin, text: string): void;
  all(): readonly Note[];
}

/** Creates an empty collection; notes stay in the order in which they come. */
export function createNotes(): Notes {
  const notes: Note[] = [];
  return {
    add: (verdict, { place, name }, text) => void notes.push({ verdict, place, setting: name, text }),
    all: () => notes,
  };
}
