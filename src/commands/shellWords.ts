const SAFE_WORD = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** Joins words into one shell command that has exactly these words; only those that need it are quoted. */
export function quoteWords(words: readonly string[]): string {
  return words.map(quoteWord).join(" ");
}

function quoteWord(word: string, index: number): string {
  // A first word with `=` would be an assignment.
  if (SAFE_WORD.test(word) && !(index === 0 && word.includes("="))) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}
