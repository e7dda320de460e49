import { MachineLostError, SystemError } from "../../domain/errors.ts";
import type { JobEnd } from "../../domain/job.ts";

/** What the runner is told by a stage's exit code; everything that is thrown is a failure of the system. */
export type StageOutcome =
  | { readonly result: "done" }
  /** @property exitCode the script's own; absent when it has none, as one that was stopped. */
  | { readonly result: "build-failure"; readonly exitCode?: number | undefined; readonly message: string };

/** What the end of a whole job means for the stage that met it. @throws what lets the runner try again. */
export function outcomeFrom(end: JobEnd): StageOutcome {
  switch (end.result) {
    case "success":
      throw new SystemError("job-ended", "the job has been finished already");
    case "failed":
      return { result: "build-failure", exitCode: end.exitCode, message: end.message };
    case "timeout":
    case "cancelled":
      return { result: "build-failure", message: end.message };
    case "machine-lost":
      throw new MachineLostError("machine-lost", end.message);
    case "system-failure":
      throw new SystemError("system-failure", end.message);
  }
}
