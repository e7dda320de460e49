import { closest, distance } from "fastest-levenshtein";

/** Ends a message: ` (did you mean "build"?)` when one of the known words is near, else nothing. */
export function suggestionFor(word: string, known: readonly string[]): string {
  if (known.length === 0) return "";
  const nearest = closest(word, known);
  const edits = distance(word, nearest);
  const isNear =
    edits <= Math.max(2, Math.floor(word.length / 3)) && edits * 2 <= Math.max(word.length, nearest.length);
  return isNear ? ` (did you mean "${nearest}"?)` : "";
}
