import type { Instance } from "../../ports/driver.ts";
import type { QemuContext } from "./context.ts";
import type { InstanceRecord } from "./folder.ts";
import { eraseFolder, folderNames, folderOf, isOurs, readRecord } from "./folder.ts";
import { findProcesses } from "./processes.ts";

/** Every instance of our owner, from its record and the process table. Starts to watch those that it had not seen. */
export async function listInstances(context: QemuContext, signal: AbortSignal): Promise<readonly Instance[]> {
  signal.throwIfAborted();
  await context.sweepOnce();
  const launching = new Set(context.launching.keys());
  const records = await ourRecords(context, launching);
  // Looked at after the records: a launch that ends in between is then seen with its process.
  const processes = await findProcesses(context.root);
  signal.throwIfAborted();

  return records.map((record) => {
    const { providerId } = record;
    const folder = folderOf(context, providerId);
    const process = processes.get(folder);
    if (context.ending.has(providerId)) return instanceFrom(record, "ending");
    if (launching.has(providerId)) return instanceFrom(record, "pending");
    if (process === undefined) return instanceFrom(record, "stopped");
    // Launched again, it begins anew; until then it is nobody's to reach.
    if (record.origin === "restoring") return instanceFrom(record, "pending");
    context.watcher.attach(providerId, folder, process);
    return instanceFrom(record, "running");
  });
}

async function ourRecords(context: QemuContext, launching: ReadonlySet<string>): Promise<InstanceRecord[]> {
  const names = (await folderNames(context)).filter((name) => isOurs(context.options.owner, name));
  const records = await Promise.all(
    names.map(async (name) => {
      const record = await readRecord(folderOf(context, name));
      // What a crash left before it got to the record, or while it was erasing: it never had, or no longer has, a process.
      if (record === undefined && !launching.has(name) && !context.launching.has(name))
        await eraseFolder(folderOf(context, name));
      return record;
    }),
  );
  return records.filter((record) => record !== undefined).sort((a, b) => a.launchedAt - b.launchedAt);
}

/** What the port tells of a record. */
export function instanceFrom(record: InstanceRecord, state: Instance["state"]): Instance {
  const { providerId, machineId, poolName, launchedAt, address, origin } = record;
  return { providerId, machineId, poolName, launchedAt, state, address, ...(origin !== "restoring" && { origin }) };
}
