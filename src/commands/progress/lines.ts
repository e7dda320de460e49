import { shownDuration } from "../shown.ts";
import type { Display, ShownStep } from "./display.ts";

/** Between two lines about one step that goes on, so that a log stays readable. */
const LINE_INTERVAL_MS = 5_000;

/** Shows each step's begin, now and then its course, and its end, a line each. For logs and pipes. */
export function createLines(stream: NodeJS.WritableStream, now: () => number): Display {
  const shownAt = new Map<string, number>();

  return {
    show(step, isNew) {
      const isDue = now() - (shownAt.get(step.title) ?? 0) >= LINE_INTERVAL_MS;
      if (!isNew && step.state === "running" && !isDue) return;
      shownAt.set(step.title, now());
      stream.write(`${lineOf(step)}\n`);
    },
    print: (text) => void stream.write(`${text}\n`),
    close: () => undefined,
  };
}

function lineOf(step: ShownStep): string {
  const percent = step.fraction === undefined ? "" : ` ${Math.floor(step.fraction * 100)} %`;
  const text = step.text === "" ? "" : `: ${step.text}`;
  switch (step.state) {
    case "running":
      return `${step.title} ...${percent}${text}`;
    case "done":
      return `${step.title}: done in ${shownDuration((step.endedAt ?? 0) - step.startedAt)}${text}`;
    case "skipped":
      return `${step.title}: skipped${text}`;
    case "failed":
      return `${step.title}: failed${text}`;
  }
}
