/** Randomness, as everything outside its one adapter sees it. */
export interface Random {
  /** A new id: the prefix, a dash, and at least 10 characters of [0-9a-z]. */
  id(prefix: string): string;
  /** Uniform in [0, 1). */
  fraction(): number;
}
