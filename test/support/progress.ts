import type { Progress } from "../../src/ports/progress.ts";

/** Shows nothing; tells `onText` what is said. */
export function recordProgress(onText: (text: string) => void = () => undefined): Progress {
  const say = (text = ""): void => onText(text);
  return { step: () => ({ update: say, done: say, skip: say, fail: say }) };
}
