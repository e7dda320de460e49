import { ConflictError } from "../../domain/errors.ts";
import type { JobId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import type { StageView } from "../../domain/stage.ts";
import type { JobLogs } from "../../ports/files.ts";
import type { JobService } from "../service.ts";
import type { StageDesk } from "./desk.ts";
import { readStageLog } from "./stageLog.ts";

/** Answers the holders of staged jobs, those that have ended too. Every question is a sign of life. */
export function createStages(
  logs: Pick<JobLogs, "read">,
  deskOf: (id: JobId) => StageDesk | undefined,
  jobOf: (id: JobId) => Promise<Job>,
  cancel: (id: JobId) => Promise<unknown>,
): Pick<JobService, "startStage" | "awaitStage" | "stopStage" | "stageLog" | "finish"> {
  const ended = async (id: JobId, number: number): Promise<StageView> => {
    const job = await jobOf(id);
    if (job.state !== "ended") throw new ConflictError("not-staged", `job ${id} has no stages`);
    return { number, name: "", end: { result: "job-ended", end: job.end } };
  };
  return {
    async startStage(id, request, key) {
      const desk = deskOf(id);
      if (desk !== undefined) return desk.attend(() => desk.start(request, key));
      await ended(id, 0);
      throw new ConflictError("job-ended", `job ${id} takes no more stages: it has ended`);
    },
    async awaitStage(id, number, waitMs, signal) {
      const desk = deskOf(id);
      return desk?.attend(() => desk.await(number, waitMs, signal)) ?? ended(id, number);
    },
    async stopStage(id, number) {
      const desk = deskOf(id);
      return desk?.attend(() => desk.stop(number)) ?? ended(id, number);
    },
    async *stageLog(id, number, offset, signal) {
      const desk = deskOf(id);
      if (desk !== undefined) yield* readStageLog(logs, desk, id, number, offset, signal);
      else if ((await ended(id, number)).number === 0) yield* logs.read(id, offset, false, signal);
    },
    async finish(id) {
      const desk = deskOf(id);
      if (desk === undefined) await ended(id, 0);
      await desk?.attend(() => desk.finish());
      // Of what has no stages yet, nothing is worth waiting for.
      if (desk?.isReady === false) await cancel(id);
      return jobOf(id);
    },
  };
}
