import type { DraftLine } from "./draft.ts";
import { fromSetting } from "./draft.ts";
import { createEc2Draft } from "./ec2.ts";
import type { Ec2Draft } from "./ec2.ts";
import { noteRest } from "./autoscalerRest.ts";
import { parseGoDuration } from "./goDuration.ts";
import type { IdleDraft } from "./idle.ts";
import type { Notes, Origin } from "./notes.ts";
import { periodFromPolicy } from "./periods.ts";
import { dockerLine, machinesWithin, withinLimit } from "./pool.ts";
import type { PoolDraft } from "./pool.ts";
import type { Read, Section } from "./read.ts";
import { periodsLine, timezoneLine } from "./schedule.ts";
import type { ScheduleContext } from "./schedule.ts";

const SHAPE =
  'cron expressions of five fields (minute, hour, day of month, month, day of week), such as "* 9-17 * * mon-fri"';

/** Translates a runner whose executor is docker-autoscaler or instance. @param concurrent the runner's limit of jobs over all. */
export function importAutoscalerRunner(
  runner: Section,
  autoscaler: Section,
  name: DraftLine,
  executor: string,
  concurrent: Read<number> | undefined,
  context: ScheduleContext,
): PoolDraft {
  const { notes } = context;
  const policies = autoscaler.sections("policy");
  const floors = policies.map((policy) => policy.count("idle_count")?.value ?? 0);
  const maxMachines = maxMachinesOf(runner, autoscaler, Math.max(0, ...floors), concurrent, notes);
  const idles = policies.map((policy) => withinLimit(idleOf(policy, maxMachines.value, context), maxMachines.value));
  const sections = policies.map((policy, index) => ({
    at: policy.place,
    idle: idles[index] ?? nothing(autoscaler),
    lines: periodsOf(policy, context),
  }));
  // A first policy that always holds is what the pool itself says: the others come after it, as there.
  const root = policies[0] !== undefined && isAlways(policies[0]) ? sections.shift() : undefined;
  const ec2 = createEc2Draft(notes);
  const isEc2 = importPlugin(autoscaler, ec2, notes);
  const connector = importConnector(autoscaler, ec2, notes);
  noteRest(autoscaler, policies, notes);
  const engine: DraftLine = {
    key: "engine",
    value: "install",
    why: 'a stock image gets Docker at its first boot; "baked" with an image by `mayfly image build`',
  };
  return {
    ...{ runner, executor, name, maxMachines },
    lines: [{ key: "max_growth_rate", value: maxMachines.value, why: `${executor} sets no limit` }, ...connector],
    idle: root?.idle ?? nothing(autoscaler),
    sections,
    guest: [executor === "instance" ? instanceDocker(runner) : dockerLine(runner, notes), ...(isEc2 ? [engine] : [])],
    ec2: isEc2 ? ec2.lines(autoscaler) : undefined,
  };
}

/** What holds while no policy does. */
const nothing = ({ place }: Origin): IdleDraft => {
  const zero = { value: 0, why: `${place} while no policy holds` };
  return { idleCount: zero, idleTimeMs: zero, factor: zero, min: zero, max: zero };
};

const instanceDocker = (runner: Section): DraftLine => ({
  key: "docker",
  value: "none",
  why: `${runner.place} jobs of executor instance run on the machine itself`,
});

const isAlways = (policy: Section): boolean =>
  (policy.list("periods")?.value ?? []).every((period) => period.trim() === "* * * * *");

function periodsOf(policy: Section, context: ScheduleContext): DraftLine[] {
  const periods = policy.list("periods");
  if (periods === undefined || periods.value.length === 0) {
    // When it always holds, no clock matters.
    policy.origin("timezone");
    return [{ key: "periods", value: ["* * * * *"], why: `${(periods ?? policy).place} periods is not set: always` }];
  }
  return [periodsLine(periods, periodFromPolicy, SHAPE, context), timezoneLine(policy, context)];
}

/** A policy counts jobs; every machine takes one here. */
function idleOf(policy: Section, maxMachines: number, { notes, problems }: ScheduleContext): IdleDraft {
  const count = policy.count("idle_count");
  const time = policy.text("idle_time");
  const factor = policy.factor("scale_factor");
  const limit = policy.count("scale_factor_limit");
  const unset = (key: string): string => `${policy.place} ${key} is not set: 0`;
  const idleTimeMs = time === undefined ? 0 : parseGoDuration(time.value);
  if (time !== undefined && idleTimeMs === undefined)
    problems.push({
      place: time.place,
      message: `Expected \`${time.name}\` to be a duration such as "20m0s", got ${JSON.stringify(time.value.slice(0, 40))}`,
    });
  const idleCount = { value: count?.value ?? 0, why: count === undefined ? unset("idle_count") : fromSetting(count) };
  if (count !== undefined)
    notes.add("became", count, "idle_count: of jobs there, of machines here, each of which takes one job");
  if (time !== undefined) notes.add("became", time, "idle_time");
  const isOn = (factor?.value ?? 0) > 0;
  if (factor !== undefined)
    notes.add(
      isOn ? "changed" : "became",
      factor,
      isOn ? "idle_scale_factor: of leased machines, rounded down" : "idle_scale_factor",
    );
  if (limit !== undefined)
    notes.add(isOn ? "became" : "lost", limit, isOn ? "idle_count_max" : "it counts only with a scale_factor");
  const hasLimit = limit !== undefined && limit.value > 0;
  return {
    idleCount,
    idleTimeMs: { value: idleTimeMs ?? 0, why: time === undefined ? unset("idle_time") : fromSetting(time) },
    factor: { value: factor?.value ?? 0, why: factor === undefined ? unset("scale_factor") : fromSetting(factor) },
    min: { value: idleCount.value, why: `${idleCount.why}, which is the least` },
    max: {
      value: hasLimit ? Math.max(limit.value, idleCount.value) : maxMachines,
      why: hasLimit ? fromSetting(limit) : "scale_factor_limit sets no limit: max_machines",
    },
  };
}

function maxMachinesOf(
  runner: Section,
  autoscaler: Section,
  idleMost: number,
  concurrent: Read<number> | undefined,
  notes: Notes,
): PoolDraft["maxMachines"] {
  const instances = autoscaler.count("max_instances");
  const capacity = autoscaler.count("capacity_per_instance");
  const perInstance = Math.max(1, capacity?.value ?? 1);
  if (capacity !== undefined) {
    const text = `every machine takes one job here, so ${perInstance} times as many machines take the jobs`;
    notes.add(
      perInstance === 1 ? "became" : "changed",
      capacity,
      perInstance === 1 ? "nothing: every machine takes one job here" : text,
    );
  }
  const limit = runner.count("limit");
  if (limit !== undefined)
    notes.add("stays", limit, "it limits the runner's jobs; machines are limited by pool.max_machines");
  if (instances !== undefined && instances.value > 0) {
    notes.add(
      perInstance === 1 ? "became" : "changed",
      instances,
      `pool.max_machines${perInstance === 1 ? "" : ", times capacity_per_instance"}`,
    );
    const value = machinesWithin(instances.value * perInstance);
    return {
      key: "max_machines",
      value,
      why: `${fromSetting(instances)}${perInstance === 1 ? "" : ` times capacity_per_instance (${perInstance})`}`,
    };
  }
  const jobs = limit !== undefined && limit.value > 0 ? limit.value : (concurrent?.value ?? 1);
  const value = machinesWithin(jobs + idleMost);
  const origin: Origin = instances ?? { place: autoscaler.place, name: `${autoscaler.name}.max_instances` };
  notes.add("changed", origin, `without a limit, pool.max_machines is what the jobs and idle machines take: ${value}`);
  return { key: "max_machines", value, why: `the most jobs (${jobs}) and the most idle machines (${idleMost})` };
}

/** Answers whether the machines are EC2's. */
function importPlugin(autoscaler: Section, ec2: Ec2Draft, notes: Notes): boolean {
  const plugin = autoscaler.text("plugin");
  const isEc2 = /(?:^|[/-])aws(?:$|:)/.test(plugin?.value ?? "");
  if (plugin !== undefined)
    notes.add(
      isEc2 ? "became" : "lost",
      plugin,
      isEc2
        ? 'pool.driver = "ec2"'
        : "mayfly has no driver for these machines: the pool is one of QEMU machines on this host, change it to one of EC2's or keep it",
    );
  const config = autoscaler.section("plugin_config");
  if (config === undefined) return isEc2;
  if (isEc2) {
    const [group, profile, region] = [config.origin("name"), config.text("profile"), config.text("region")];
    if (group !== undefined)
      notes.add(
        "lost",
        group,
        "mayfly launches machines by itself, without an auto scaling group: its launch template has the image, the types, the subnets and the groups to fill in",
      );
    if (profile !== undefined) ec2.set("profile", profile.value, profile);
    if (region !== undefined) ec2.set("region", region.value, region);
    for (const key of ["config_file", "credentials_file"]) {
      const file = config.origin(key);
      const variable = key === "config_file" ? "AWS_CONFIG_FILE" : "AWS_SHARED_CREDENTIALS_FILE";
      if (file !== undefined)
        notes.add("secret", file, `not carried over: name the file in ${variable} in the manager's environment`);
    }
  }
  for (const origin of config.unread())
    notes.add("lost", origin, "a setting of the plugin, whose value was not looked at");
  return isEc2;
}

/** Answers further lines of [[pool]]. */
function importConnector(autoscaler: Section, ec2: Ec2Draft, notes: Notes): DraftLine[] {
  const connector = autoscaler.section("connector_config");
  if (connector === undefined) return [];
  const external = connector.flag("use_external_addr");
  if (external !== undefined) ec2.set("public_address", external.value, external);
  for (const key of ["password", "key_path"]) {
    const origin = connector.origin(key);
    if (origin !== undefined)
      notes.add("secret", origin, "not carried over: mayfly makes each machine its own account and keys");
  }
  const timeout = connector.text("timeout");
  const timeoutMs = parseGoDuration(timeout?.value ?? "") ?? 0;
  const os = connector.text("os");
  if (os !== undefined)
    notes.add(
      os.value === "linux" ? "became" : "lost",
      os,
      os.value === "linux" ? "nothing: machines run Linux" : "machines run Linux, Debian or Ubuntu, here",
    );
  for (const origin of connector.unread())
    notes.add(
      "lost",
      origin,
      "machines are reached over SSH as the account that mayfly makes on them (pool.guest.user)",
    );
  if (timeout === undefined) return [];
  // Below it, a stock image would have no time to install the engine.
  if (timeoutMs < 300_000) {
    notes.add("lost", timeout, "pool.boot_timeout stays at its default of 5m");
    return [];
  }
  notes.add("became", timeout, "pool.boot_timeout");
  return [
    { key: "boot_timeout", value: `${Math.min(86_400, Math.round(timeoutMs / 1000))}s`, why: fromSetting(timeout) },
  ];
}
