import type { Config } from "../config/config.ts";
import type { ConfigReload } from "../domain/configChange.ts";
import type { Job } from "../domain/job.ts";
import type { LiveMachine } from "../domain/machine.ts";
import type { DriverName } from "../domain/shape.ts";
import { DEFAULT_FOLDERS } from "../jobs/run.ts";
import type { MachineFolders } from "../jobs/run.ts";
import { createJobService } from "../jobs/service.ts";
import { createWaitingSupervisors } from "../jobs/waitingSupervisors.ts";
import { adoptFleet } from "../pool/adopt.ts";
import { createFleet, nudge } from "../pool/fleet.ts";
import { createLeases } from "../pool/leases/leases.ts";
import { startLoop } from "../pool/loop.ts";
import type { OpenLease } from "../pool/state/state.ts";
import type { Clock } from "../ports/clock.ts";
import type { Disks } from "../ports/disks.ts";
import type { Driver } from "../ports/driver.ts";
import type { Archives, JobLogs } from "../ports/files.ts";
import type { Guest } from "../ports/guest.ts";
import type { Logger } from "../ports/logger.ts";
import type { Health } from "../ports/health.ts";
import type { Manager } from "../ports/manager.ts";
import type { Random } from "../ports/random.ts";
import type { Store } from "../ports/store.ts";
import { diffAgainst } from "./configDiff.ts";
import { watchDisks } from "./diskWatch.ts";
import type { DiskWatch } from "./diskWatch.ts";
import type { ConfigSource } from "./configSource.ts";
import type { DockerMachineService } from "./dockerMachines/service.ts";
import type { GitlabDoor } from "./gitlab/door.ts";
import { healthOf } from "./health.ts";
import { createLiveConfig } from "./liveConfig.ts";
import type { LiveConfig } from "./liveConfig.ts";
import { createManager } from "./manager.ts";
import { createMetrics } from "./metrics/metrics.ts";
import type { Mirror } from "./mirror/mirror.ts";
import { createReloader } from "./reload.ts";
import type { Reloader } from "./reload.ts";

/** How long the end of a manager waits for its machines' ends. */
const TERMINATE_ALL_MS = 60_000;

/** Everything that a manager reaches the world through. */
export interface ManagerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly store: Store;
  readonly logs: JobLogs;
  readonly archives: Archives;
  readonly guest: Guest;
  readonly drivers: ReadonlyMap<DriverName, Driver>;
  /** @default none are watched */
  readonly disks?: Disks | undefined;
  /** The registry mirror that runs beside it, and ends with it. @default there is none */
  readonly mirror?: Mirror | undefined;
  /** Hears of a GitLab's jobs before they come. @default nobody does */
  readonly gitlab?: GitlabDoor | undefined;
  /** @default there is none to be read again */
  readonly configSource?: ConfigSource | undefined;
}

/** A manager at work in this process. */
export interface RunningManager {
  readonly manager: Manager;
  /** What is told to Prometheus. */
  metrics(): Promise<{ readonly type: string; readonly text: string }>;
  /** How long running jobs and held leases are waited for at its end, in milliseconds, as it is wished for now. */
  stopTimeoutMs(): number;
  /** Reads the configuration again; see `Reloader`. @param why who asked, for the log. */
  reload(why: string): Promise<ConfigReload>;
  /** The machines that it holds for directories of docker-machine. @default none */
  readonly dockerMachines?: DockerMachineService | undefined;
  /**
   * Takes no new jobs and gives no new leases, ends what waits as safe to run again, and resolves when no job runs and no
   * lease is held any more, or when the signal aborts. Machines that nobody holds go meanwhile.
   */
  drain(signal: AbortSignal): Promise<void>;
  /** What a drain still waits for: a phrase for each running job and for each lease of an outside holder. */
  waitsFor(): Promise<readonly string[]>;
  /**
   * Cancels jobs and terminates machines; the manager still answers. Resolves with the machines that could not be ended.
   * @param force hurries: nothing that jobs still do is waited for.
   */
  endAll(force: AbortSignal): Promise<readonly LiveMachine[]>;
  /**
   * Ends it: jobs are cancelled, machines terminated, files closed. Resolves with the machines that could not be ended.
   * @param force hurries: nothing that jobs still do is waited for.
   */
  close(force: AbortSignal): Promise<readonly LiveMachine[]>;
  /** Ends this process's part alone: machines, leases and running jobs stay as they are, for the next manager. */
  handOver(): Promise<void>;
}

export interface ManagerOptions {
  /** Whether jobs of an earlier manager go on: their front doors must have outlived it. */
  readonly resumesJobs: boolean;
  /** Where jobs keep files on their machines. @default as `runJob` has it */
  readonly folders?: MachineFolders | undefined;
  /** Whether what a job's script needs is started on each machine while that is idle. @default false */
  readonly startsAhead?: boolean | undefined;
  /** Holds the configuration in force, for those who read it beside the manager. @default the manager's own */
  readonly live?: LiveConfig | undefined;
}

/** Puts a manager together over its ports and starts its loop. */
export async function composeManager(
  config: Config,
  ports: ManagerPorts,
  version: string,
  { resumesJobs, folders = DEFAULT_FOLDERS, startsAhead = false, live = createLiveConfig(config) }: ManagerOptions = {
    resumesJobs: true,
  },
): Promise<RunningManager> {
  const { clock, random, logger, logs, archives, guest } = ports;
  const metrics = createMetrics({ current: live.current, clock });
  const store = metrics.store(ports.store);
  const drivers = metrics.drivers(ports.drivers);
  let watch: DiskWatch | undefined;
  const spaceProblem = (): string => watch?.problem() ?? "";
  const desired = live.current;
  const supervisors = createWaitingSupervisors(folders, random);
  const onIdle = startsAhead ? supervisors.prepare : undefined;
  const fleet = createFleet({ store, drivers, guest, clock, random, logger, desired, spaceProblem, version, onIdle });
  if (ports.disks !== undefined) {
    const minFreeBytes = () => live.current().minFreeDiskMiB * 2 ** 20;
    watch = await watchDisks({ disks: ports.disks, clock, logger, minFreeBytes, onChange: () => nudge(fleet) });
  }
  const leases = createLeases(fleet);
  const jobTimeoutMs = (poolName: string) => live.current().pools.find((pool) => pool.name === poolName)?.jobTimeoutMs;
  const jobs = createJobService({
    store,
    leases,
    logs,
    archives,
    clock,
    random,
    logger,
    jobTimeoutMs,
    folders,
    supervisors,
  });
  const startedAt = clock.now();
  let reloader: Reloader | undefined;
  const health = (): Health =>
    healthOf({
      ...{ config: live.current(), configProblem: reloader?.problem(), fleet, version, startedAt, watch },
      ...{ mirror: ports.mirror?.health(), gitlab: ports.gitlab?.health() },
    });
  metrics.show(fleet, health);
  await adoptFleet(fleet);
  await jobs.adopt(resumesJobs);
  const loop = startLoop(fleet);
  const reloads = createReloader({
    ...{ live, source: ports.configSource, clock, logger },
    onApplied: () => nudge(fleet),
    onRead: metrics.reload,
  });
  reloader = reloads;
  const { reload } = reloads;
  const endAll = async (force: AbortSignal): Promise<readonly LiveMachine[]> => {
    await jobs.close(force);
    return loop.close(TERMINATE_ALL_MS);
  };
  const letGo = async (): Promise<void> => {
    await ports.gitlab?.stop();
    await reloads.stop();
    await watch?.stop();
    for (const driver of drivers.values()) await driver.close();
    // Before the next manager may start its own.
    await ports.mirror?.stop();
    await store.close();
  };

  const manager = createManager({
    ...{ fleet, leases, jobs, archives, health, reload },
    diff: (text, fileName) => diffAgainst(live, fleet, text, fileName),
    ...{ onSubmit: ports.gitlab?.noteJob, onAcquire: ports.gitlab?.noteArrival },
  });
  await ports.gitlab?.start(manager, store, () => new Set(live.current().pools.map(({ name }) => name)));

  return {
    manager,
    reload,
    metrics: metrics.scrape,
    stopTimeoutMs: () => live.current().stopTimeoutMs,
    async drain(signal) {
      const drained = jobs.drain(signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
      await Promise.all([drained, loop.drain(signal)]);
    },
    async waitsFor() {
      const held = fleet.state.leases().filter((lease) => lease.state === "held" && lease.jobId === undefined);
      return [...(await jobs.jobs(false)).map(phraseOfJob), ...held.map(phraseOfLease)];
    },
    endAll,
    async close(force) {
      const left = await endAll(force);
      await letGo();
      return left;
    },
    async handOver() {
      await jobs.handOver();
      await loop.handOver();
      await letGo();
    },
  };
}

function phraseOfJob({ id, name, machineId }: Job): string {
  return machineId === undefined ? `job ${name} (${id})` : `job ${name} (${id}) on ${machineId}`;
}

function phraseOfLease(lease: OpenLease): string {
  const machine = lease.state === "held" ? ` on ${lease.machineId}` : "";
  return `lease ${lease.id} of ${lease.holder}${machine}`;
}
