import type { CustomRunnerOptions } from "./customRunner.ts";

/** What the single stages of a job said. */
export interface StageOutput {
  /** For the stand-in that runs the job. */
  readonly hooks: Required<Pick<CustomRunnerOptions, "onCall" | "onOutput">>;
  /** All that a stage's script said, in its tries if it had several, and nothing of mayfly's own; "" when it did not run. */
  textOf(stage: string): string;
}

/** That the manager is away, and is back, say. */
const MAYFLYS = /^mayfly: .*\n/gm;

/** Takes what each stage says out of a job's log. */
export function recordStageOutput(): StageOutput {
  const begun: { readonly stage: string; readonly at: number }[] = [];
  let log = "";
  return {
    hooks: {
      onCall: (verb, stage) => void begun.push({ stage: stage ?? verb, at: log.length }),
      onOutput(text) {
        log = text;
      },
    },
    textOf: (stage) =>
      begun
        .map((one, index) => (one.stage === stage ? log.slice(one.at, begun[index + 1]?.at) : ""))
        .join("")
        .replaceAll(MAYFLYS, ""),
  };
}
