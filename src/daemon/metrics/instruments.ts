import { Counter, Gauge, Histogram } from "prom-client";
import type { Registry } from "prom-client";

/** One, two and five of each decade, from a millisecond to an hour and a half. In seconds. */
const BUCKETS = [-3, -2, -1, 0, 1, 2, 3].flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)));

/** What is counted and measured as it happens. All labels are of bounded number: pools, words of ours, drivers. */
export function createInstruments(register: Registry) {
  const registers = [register];
  const counter = <const L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter<L>({ name, help, labelNames: [...labelNames], registers });
  const histogram = <const L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Histogram<L>({ name, help, labelNames: [...labelNames], buckets: BUCKETS, registers });
  return {
    machinePhase: histogram(
      "mayfly_machine_phase_seconds",
      "How long phases in the lives of machines took: launch, boot, start, idle, end.",
      ["pool", "phase"],
    ),
    leaseWait: histogram("mayfly_lease_wait_seconds", "From the request of a lease to its machine.", ["pool"]),
    jobPhase: histogram("mayfly_job_phase_seconds", "How long the phases of jobs took.", ["pool", "phase"]),
    jobs: counter("mayfly_jobs_total", "Jobs that ended, by how.", ["pool", "result"]),
    leases: counter("mayfly_leases_total", "Leases that ended, by how.", ["pool", "outcome"]),
    arrivals: counter("mayfly_arrivals_total", "Jobs, and other holders of leases, that came.", ["pool"]),
    promises: counter(
      "mayfly_target_jobs_total",
      "Jobs of pools with a target that got a machine: in-time, or late by what the target promises.",
      ["pool", "outcome"],
    ),
    decisions: counter(
      "mayfly_decisions_total",
      "Machines that were to be launched, stopped, started or ended, by why.",
      ["pool", "action", "reason"],
    ),
    cost: counter("mayfly_machine_cost_usd_total", "What machines that are gone have cost, where prices are known.", [
      "pool",
    ]),
    providerCalls: counter("mayfly_provider_calls_total", "Calls of providers, by outcome.", [
      "driver",
      "action",
      "outcome",
    ]),
    providerCallTime: histogram("mayfly_provider_call_seconds", "How long calls of providers took.", [
      "driver",
      "action",
    ]),
    reloads: counter(
      "mayfly_config_reloads_total",
      "Reads of the config file that changed something, or were refused.",
      ["outcome"],
    ),
  };
}

export type Instruments = ReturnType<typeof createInstruments>;

/** Makes gauges that are read at each scrape. */
export const createGauges = (register: Registry) => {
  const gauge = <const L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge<L>({ name, help, labelNames: [...labelNames], registers: [register] });
  return {
    info: gauge("mayfly_info", "Always 1; the manager's version and name are labels.", ["version", "name"]),
    machines: gauge("mayfly_machines", "Machines by pool and state.", ["pool", "state"]),
    outdated: gauge("mayfly_machines_outdated", "Machines of a shape that their pool does not make any more.", [
      "pool",
    ]),
    maxMachines: gauge("mayfly_max_machines", "max_machines of the pool.", ["pool"]),
    maxMachinesOverall: gauge("mayfly_max_machines_overall", "max_machines over all pools."),
    idleWanted: gauge("mayfly_idle_wanted", "Idle machines that the pool wishes for now.", ["pool"]),
    forecast: gauge("mayfly_forecast_jobs_per_hour", "Jobs an hour that the planner of a target expects now.", [
      "pool",
    ]),
    promisedShare: gauge("mayfly_target_promised_share", "The share of jobs in time that the target promises, 0-1.", [
      "pool",
    ]),
    promisedWait: gauge("mayfly_target_wait_seconds", "The wait that the target counts as in time.", ["pool"]),
    correction: gauge(
      "mayfly_target_price_factor",
      "What attained waits have made of the price that a job in time may cost: above 1 when too many were late.",
      ["pool"],
    ),
    queueLength: gauge("mayfly_queue_length", "Leases that wait for a machine.", ["pool"]),
    queueAge: gauge("mayfly_queue_age_seconds", "How long the first of them has waited; 0 when none waits.", ["pool"]),
    refusals: gauge("mayfly_launch_refusals_in_a_row", "Launches refused since the last one that was not.", ["pool"]),
    isOpen: gauge("mayfly_pool_open", "1 when the pool gives leases, 0 when it is cordoned or draining.", ["pool"]),
    usdPerHour: gauge("mayfly_machine_cost_usd_per_hour", "What live machines cost an hour, where prices are known.", [
      "pool",
    ]),
    shadowRuns: gauge("mayfly_shadow_up", "1 while a shadow runs, 0 once it was switched off.", ["pool", "shadow"]),
    shadowLevel: gauge("mayfly_shadow_level", "Idle machines that the shadow wishes for now.", ["pool", "shadow"]),
    shadowShare: gauge(
      "mayfly_shadow_share_in_time",
      "Share of jobs in time since the shadow began, 0-1: its own, and that of the acting policy.",
      ["pool", "shadow", "policy"],
    ),
    shadowWait: gauge(
      "mayfly_shadow_wait_seconds",
      "All waiting of jobs since the shadow began: in it, and under the acting policy.",
      ["pool", "shadow", "policy"],
    ),
    shadowSaved: gauge(
      "mayfly_shadow_spared_wait_seconds",
      "Waiting that the shadow would have spared since it began, and, as effect=added, added.",
      ["pool", "shadow", "effect"],
    ),
    shadowCost: gauge(
      "mayfly_shadow_cost_usd",
      "Machine time since the shadow began at its pool's price: its own, and that of the acting policy.",
      ["pool", "shadow", "policy"],
    ),
    configValid: gauge("mayfly_config_valid", "1 when the config file is what is in force, 0 when it is not."),
    storeWritable: gauge("mayfly_store_writable", "1 when the store can be written."),
    diskFree: gauge("mayfly_disk_free_bytes", "Free space of the disks that the manager lives on.", ["disk"]),
    mirrorUp: gauge("mayfly_mirror_up", "1 while the registry mirror of the config serves.", ["upstream"]),
    mirrorStarts: gauge("mayfly_mirror_starts", "How often this manager has started it.", ["upstream"]),
    mirrorBytes: gauge("mayfly_mirror_cache_bytes", "What its cache took at the last look.", ["upstream"]),
    gitlabUp: gauge("mayfly_gitlab_up", "1 while GitLab can be heard of on this way: webhooks, api.", ["source"]),
    gitlabHeardAt: gauge(
      "mayfly_gitlab_last_heard_seconds",
      "When GitLab was last heard of on this way, as seconds of the epoch; absent before.",
      ["source"],
    ),
    gitlabWebhooks: gauge(
      "mayfly_gitlab_webhooks",
      "Webhooks in the life of this manager: taken, other (of no interest), invalid, refused (with a wrong token).",
      ["outcome"],
    ),
    gitlabPipelines: gauge(
      "mayfly_gitlab_pipelines",
      "Pipelines of GitLab that have jobs to come, as pools were told.",
    ),
    gitlabJobs: gauge("mayfly_gitlab_jobs_to_come", "How many those jobs are."),
  };
};
