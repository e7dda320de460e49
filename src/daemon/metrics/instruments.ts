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
    queueLength: gauge("mayfly_queue_length", "Leases that wait for a machine.", ["pool"]),
    queueAge: gauge("mayfly_queue_age_seconds", "How long the first of them has waited; 0 when none waits.", ["pool"]),
    refusals: gauge("mayfly_launch_refusals_in_a_row", "Launches refused since the last one that was not.", ["pool"]),
    isOpen: gauge("mayfly_pool_open", "1 when the pool gives leases, 0 when it is cordoned or draining.", ["pool"]),
    usdPerHour: gauge("mayfly_machine_cost_usd_per_hour", "What live machines cost an hour, where prices are known.", [
      "pool",
    ]),
    configValid: gauge("mayfly_config_valid", "1 when the config file is what is in force, 0 when it is not."),
    storeWritable: gauge("mayfly_store_writable", "1 when the store can be written."),
    diskFree: gauge("mayfly_disk_free_bytes", "Free space of the disks that the manager lives on.", ["disk"]),
    mirrorUp: gauge("mayfly_mirror_up", "1 while the registry mirror of the config serves.", ["upstream"]),
    mirrorStarts: gauge("mayfly_mirror_starts", "How often this manager has started it.", ["upstream"]),
    mirrorBytes: gauge("mayfly_mirror_cache_bytes", "What its cache took at the last look.", ["upstream"]),
  };
};
