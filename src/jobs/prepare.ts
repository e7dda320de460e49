import type { JobSpec } from "../domain/job.ts";
import type { JobPlace } from "../domain/jobProgress.ts";
import type { HeldMachine } from "../ports/leases.ts";
import { createContainerShell } from "./image/containerShell.ts";
import { prepareContainer } from "./image/prepareContainer.ts";
import { createMachineShell } from "./machineShell.ts";
import type { Notes } from "./notes.ts";
import type { PhaseMeter } from "./phases.ts";
import type { MachineFolders, RunJobDeps } from "./run.ts";
import type { ScriptHost } from "./scriptHost.ts";
import { jobVariables, slugFrom } from "./variables.ts";
import { unpackArchive } from "./workspace.ts";

export interface PrepareContext {
  readonly spec: JobSpec;
  readonly machine: HeldMachine;
  readonly deps: RunJobDeps;
  readonly folders: MachineFolders;
  readonly meter: PhaseMeter;
  readonly notes: Notes;
}

/** A job whose script can start. */
export interface PreparedJob {
  readonly host: ScriptHost;
  /** Runs scripts beside the job's container, as whoever owns the files there; the same as `host` when there is none. */
  readonly machineHost: ScriptHost;
  readonly place: JobPlace;
  /** What a script must export by itself, since its surroundings do not hold it. */
  readonly scriptVariables: Readonly<Record<string, string>>;
}

/** Makes all ready that a job's script needs: its folder with the archive, its image, its services. */
export async function prepareJob(context: PrepareContext, signal: AbortSignal): Promise<PreparedJob> {
  const { spec, machine, deps, folders, meter, notes } = context;
  const jobDir = `${folders.builds}/${slugFrom(spec.name)}`;
  const { archiveId } = spec;
  await meter.measure("leased", async () => {
    if (archiveId !== undefined) {
      const owner = spec.image === undefined ? "user" : "root";
      await unpackArchive(machine.channel, jobDir, owner, await deps.archives.open(archiveId), signal);
    }
  });
  if (spec.image !== undefined) {
    return restoreJob(await prepareContainer(spec.image, jobDir, context, signal), context);
  }
  if (spec.services.length > 0) {
    await notes.warning("services are left out: they need an image for the job to run in");
  }
  return restoreJob({ jobDir }, context);
}

/** Takes up a job that was made ready before, by this manager or another. */
export function restoreJob(
  place: JobPlace,
  { spec, machine, deps, folders }: Pick<PrepareContext, "spec" | "machine" | "deps" | "folders">,
): PreparedJob {
  const { jobDir, container } = place;
  const { channel, engine } = machine;
  if (container === undefined) {
    const host = createMachineShell(jobDir, folders, { ...deps, channel });
    return { host, machineHost: host, place, scriptVariables: jobVariables(spec, jobDir, folders.builds) };
  }
  const found = engine.containerById(container.id);
  const host = createContainerShell(found, container.scriptDir, folders.scratch, { ...deps, channel });
  const machineHost = createMachineShell(jobDir, folders, { ...deps, channel }, "root");
  return { host, machineHost, place, scriptVariables: {} };
}
