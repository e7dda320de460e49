import { collectDefaultMetrics, Registry } from "prom-client";
import type { Config } from "../../config/config.ts";
import type { DriverName } from "../../domain/shape.ts";
import { isOutdated } from "../../planning/rollover.ts";
import { countByState } from "../../planning/observed.ts";
import { viewPool } from "../../pool/control.ts";
import type { Fleet } from "../../pool/fleet.ts";
import { currentWish } from "../../pool/wish.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Driver } from "../../ports/driver.ts";
import type { Health } from "../../ports/health.ts";
import type { Store } from "../../ports/store.ts";
import { meteredStore } from "./commits.ts";
import { meteredDriver } from "./driver.ts";
import { createGitlabFamilies } from "./gitlab.ts";
import { createGauges, createInstruments } from "./instruments.ts";
import { readShadow, readTarget } from "./planning.ts";

/** Label of all pools that are not in the configuration. */
const REMOVED = "(removed)";

export interface MetricsDeps {
  readonly current: () => Config;
  readonly clock: Clock;
}

/** What is measured of one manager. */
export interface Metrics {
  store(store: Store): Store;
  drivers(drivers: ReadonlyMap<DriverName, Driver>): ReadonlyMap<DriverName, Driver>;
  reload(outcome: "applied" | "refused"): void;
  /** Begins to show the fleet's state, read at each scrape. */
  show(fleet: Fleet, health: () => Health): void;
  /** All of it, in Prometheus' text format. */
  scrape(): Promise<{ readonly type: string; readonly text: string }>;
}

/** Creates the measures of one manager, in a registry of its own. */
export function createMetrics({ current, clock }: MetricsDeps): Metrics {
  const register = new Registry();
  const instruments = createInstruments(register);
  const gauges = createGauges(register);
  const gitlab = current().metrics?.gitlabNames === true ? createGitlabFamilies(register) : undefined;
  let shown: { readonly fleet: Fleet; readonly health: () => Health } | undefined;
  let isAsked = false;
  const poolLabel = (name: string): string => (current().pools.some((pool) => pool.name === name) ? name : REMOVED);

  const read = (): void => {
    for (const gauge of Object.values(gauges)) gauge.reset();
    if (shown === undefined) return;
    const { fleet, health } = shown;
    readHealth(gauges, health(), current().maxMachines);
    for (const { name } of current().pools) readPool(gauges, fleet, name);
    const orphans = fleet.state.machines().filter(({ poolName }) => poolLabel(poolName) === REMOVED);
    for (const [state, count] of Object.entries(countByState(orphans)))
      if (count > 0) gauges.machines.set({ pool: REMOVED, state }, count);
    gitlab?.show(fleet.state.machines(), (id) => fleet.terminations.get(id as never)?.failures ?? 0);
  };
  /** Series of pools that are gone: edits of the file must not make ever more of them. */
  const dropRemoved = async (): Promise<void> => {
    for (const metric of [instruments.machinePhase, instruments.jobPhase, instruments.leaseWait, instruments.jobs]) {
      for (const { labels } of (await metric.get()).values) {
        const { pool } = labels as { readonly pool?: string };
        if (pool === undefined || pool === REMOVED || poolLabel(pool) === pool) continue;
        const { le: _, ...rest } = labels as Record<string, string>;
        (metric as { remove(labels: object): void }).remove(rest);
      }
    }
    const { decisions, leases, cost, arrivals, promises } = instruments;
    for (const metric of [decisions, leases, cost, arrivals, promises]) {
      for (const { labels } of (await metric.get()).values) {
        const { pool = "" } = labels as { readonly pool?: string };
        if (pool !== REMOVED && poolLabel(pool) !== pool) (metric as { remove(labels: object): void }).remove(labels);
      }
    }
  };

  return {
    store: (store) =>
      meteredStore(store, {
        ...{ instruments, gitlab, poolLabel, now: clock.now },
        isKnownLease: (id) => shown?.fleet.state.lease(id) !== undefined,
        promisedWaitMs: (name) => current().pools.find((pool) => pool.name === name)?.target?.waitMs,
        isWaitedFor: (name) => (shown?.fleet.state.waitingCount(name) ?? 0) > 0,
      }),
    drivers: (drivers) =>
      new Map([...drivers].map(([name, driver]) => [name, meteredDriver(driver, instruments, clock)])),
    reload: (outcome) => instruments.reloads.inc({ outcome }),
    show(fleet, health) {
      shown = { fleet, health };
    },
    async scrape() {
      // Its observers are for who asks: a manager inside a command has nobody to tell.
      if (!isAsked) collectDefaultMetrics({ register });
      isAsked = true;
      read();
      await dropRemoved();
      return { type: register.contentType, text: await register.metrics() };
    },
  };
}

type Gauges = ReturnType<typeof createGauges>;

function readHealth(gauges: Gauges, health: Health, maxMachines: number): void {
  gauges.info.set({ version: health.version, name: health.name }, 1);
  gauges.maxMachinesOverall.set(maxMachines);
  gauges.configValid.set(health.configProblem === undefined ? 1 : 0);
  gauges.storeWritable.set(health.storeProblem === undefined ? 1 : 0);
  for (const { what, freeBytes } of health.disks) gauges.diskFree.set({ disk: what }, freeBytes);
  if (health.gitlab !== undefined) readGitlab(gauges, health.gitlab);
  if (health.mirror === undefined) return;
  const { upstream, isServing, starts, cacheBytes } = health.mirror;
  gauges.mirrorUp.set({ upstream }, isServing ? 1 : 0);
  gauges.mirrorStarts.set({ upstream }, starts);
  gauges.mirrorBytes.set({ upstream }, cacheBytes);
}

function readGitlab(gauges: Gauges, { webhooks, api, pipelines, jobsToCome }: NonNullable<Health["gitlab"]>): void {
  gauges.gitlabPipelines.set(pipelines);
  gauges.gitlabJobs.set(jobsToCome);
  for (const [source, state] of Object.entries({ webhooks, api })) {
    if (state === undefined) continue;
    gauges.gitlabUp.set({ source }, state.isUp ? 1 : 0);
    if (state.lastHeardAt !== undefined) gauges.gitlabHeardAt.set({ source }, state.lastHeardAt / 1_000);
  }
  if (webhooks === undefined) return;
  for (const outcome of ["taken", "other", "invalid", "refused"] as const)
    gauges.gitlabWebhooks.set({ outcome }, webhooks[outcome]);
}

function readPool(gauges: Gauges, fleet: Fleet, pool: string): void {
  const { desired, machines, waitingLeases, mode } = viewPool(fleet, pool);
  const live = fleet.state.machines(pool);
  for (const [state, count] of Object.entries(machines))
    if (state !== "terminated") gauges.machines.set({ pool, state }, count);
  gauges.outdated.set({ pool }, live.filter((machine) => isOutdated(desired, machine)).length);
  gauges.maxMachines.set({ pool }, desired.maxMachines);
  gauges.idleWanted.set({ pool }, currentWish(fleet, desired).desired.idleCount);
  gauges.queueLength.set({ pool }, waitingLeases);
  const first = fleet.state.firstWaiting(pool);
  const ageMs = first === undefined ? 0 : Math.max(0, fleet.deps.clock.now() - first.createdAt);
  gauges.queueAge.set({ pool }, ageMs / 1_000);
  gauges.refusals.set({ pool }, fleet.state.notes(pool).refusals);
  gauges.isOpen.set({ pool }, mode === "open" ? 1 : 0);
  gauges.usdPerHour.set(
    { pool },
    live.reduce((sum, { price }) => sum + (price?.usdPerHour ?? 0), 0),
  );
  readTarget(gauges, fleet, pool, desired);
  for (const shadow of fleet.shadows.byPool.get(pool)?.values() ?? []) readShadow(gauges, shadow);
}
