import type { Progress, ProgressStep } from "../../ports/progress.ts";
import { createLines } from "./lines.ts";
import { createLive } from "./live.ts";

export type StepState = "running" | "done" | "skipped" | "failed";

/** One step as a display shows it. */
export interface ShownStep {
  readonly title: string;
  readonly state: StepState;
  readonly text: string;
  readonly fraction?: number | undefined;
  readonly startedAt: number;
  readonly endedAt?: number | undefined;
}

/** Shows steps to a person. */
export interface Display {
  show(step: ShownStep, isNew: boolean): void;
  /** Writes lines that stay, above what is live. */
  print(text: string): void;
  close(): void;
}

/** Progress on a stream, with lines that stay in between. */
export interface ProgressDisplay extends Progress {
  print(text: string): void;
  /** Leaves the last state on the screen and stops drawing. */
  close(): void;
}

/** Creates a live display on a terminal, and plain lines elsewhere. */
export function createProgressDisplay(stream: NodeJS.WriteStream, now: () => number): ProgressDisplay {
  const display = stream.isTTY ? createLive(stream, now) : createLines(stream, now);
  return {
    step: (title) => openStep(display, title, now),
    print: (text) => display.print(text),
    close: () => display.close(),
  };
}

function openStep(display: Display, title: string, now: () => number): ProgressStep {
  let step: ShownStep = { title, state: "running", text: "", startedAt: now() };
  display.show(step, true);
  const change = (next: Partial<ShownStep>): void => {
    if (step.state !== "running") return;
    step = { ...step, ...next };
    display.show(step, false);
  };
  const end = (state: StepState, text = step.text): void =>
    change({ state, text, fraction: undefined, endedAt: now() });
  return {
    update: (text, fraction) => change({ text, fraction }),
    done: (text) => end("done", text ?? ""),
    skip: (text) => end("skipped", text),
    fail: (text) => end("failed", text),
  };
}
