import { MachineError } from "../../domain/errors.ts";
import type { QemuContext } from "./context.ts";
import { eraseFolder, folderOf, isOurs } from "./folder.ts";
import { findProcesses, killProcess } from "./processes.ts";

/** Ends instances of our owner side by side: first the process, then its folder. Anything else is gone already. */
export async function terminateInstances(
  context: QemuContext,
  providerIds: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const ours = [...new Set(providerIds)].filter((id) => isOurs(context.options.owner, id));
  const settled = await Promise.allSettled(ours.map((id) => terminateInstance(context, id, signal)));
  const failed = settled.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

async function terminateInstance(context: QemuContext, providerId: string, signal: AbortSignal): Promise<void> {
  const { launching, ending, watcher, deps } = context;
  const isFirst = !ending.has(providerId);
  ending.add(providerId);
  try {
    launching
      .get(providerId)
      ?.controller.abort(new MachineError("instance-terminated", "terminated while it was being launched"));
    await launching.get(providerId)?.ended;
    await watcher.detach(providerId);
    const folder = folderOf(context, providerId);
    const process = (await findProcesses(context.root)).get(folder);
    if (process !== undefined) await killProcess(process, deps.clock, signal);
    await eraseFolder(folder);
  } finally {
    if (isFirst) ending.delete(providerId);
  }
}
