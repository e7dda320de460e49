/** Says what long work is doing and how far it is. */
export interface Progress {
  /** Opens a step, e.g. `Building guest image debian-12`. Steps may overlap. */
  step(title: string): ProgressStep;
}

export interface ProgressStep {
  /** @param text what is being done now. @param fraction how far it is, 0-1, where known. */
  update(text: string, fraction?: number): void;
  /** @param text replaces the last text, e.g. `12 packages, 93 s`. */
  done(text?: string): void;
  skip(text: string): void;
  fail(text: string): void;
}
