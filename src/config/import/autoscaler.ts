import type { DraftLine } from "./draft.ts";
import { fromSetting } from "./draft.ts";
import { createEc2Draft } from "./ec2.ts";
import { noteRest } from "./autoscalerRest.ts";
import type { IdleDraft } from "./idle.ts";
import type { Notes, Origin } from "./notes.ts";
import { importConnector, importPlugin } from "./plugin.ts";
import { isAlways, policyIdle, policyPeriods } from "./policy.ts";
import { dockerLine, machinesWithin, withinLimit } from "./pool.ts";
import type { PoolDraft } from "./pool.ts";
import type { Read, Section } from "./read.ts";
import type { ScheduleContext } from "./schedule.ts";

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
  const idles = policies.map((policy) =>
    withinLimit(policyIdle(policy, maxMachines.value, context), maxMachines.value),
  );
  const sections = policies.map((policy, index) => ({
    at: policy.place,
    idle: idles[index] ?? nothing(autoscaler),
    lines: policyPeriods(policy, context),
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
