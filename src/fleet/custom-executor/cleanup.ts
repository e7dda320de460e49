import type { Manager } from "../../ports/manager.ts";
import type { StageContext } from "./context.ts";
import { heldJobs } from "./held.ts";
import { runnerJobFrom } from "./runnerJob.ts";

/** Gives back what is held for a runner's job, and waits for nothing: the daemon sees to the rest. Nothing held is success. */
export async function cleanUp({
  manager,
  env,
}: Pick<StageContext, "env"> & { readonly manager: Manager }): Promise<void> {
  const { holder } = runnerJobFrom(env);
  for (const job of await heldJobs(manager, holder)) await manager.finishJob(job.id);
}
