import type { DraftLine } from "./draft.ts";
import { fromSetting } from "./draft.ts";
import { createEc2Draft } from "./ec2.ts";
import type { IdleDraft } from "./idle.ts";
import type { Notes, Origin } from "./notes.ts";
import { importOptions, noteForeignOptions } from "./options.ts";
import { periodFromMachine } from "./periods.ts";
import { dockerLine, machinesWithin, withinLimit } from "./pool.ts";
import type { PoolDraft } from "./pool.ts";
import type { Read, Section } from "./read.ts";
import { periodsLine, timezoneLine } from "./schedule.ts";
import type { ScheduleContext } from "./schedule.ts";

const SHAPE =
  'cron expressions of seven fields (second, minute, hour, day of month, month, day of week, year), such as "* * 9-17 * * mon-fri *"';

const GONE: Readonly<Record<string, string>> = {
  MaxRemovalAttempts: "a termination is tried again until the machine is gone",
  MachineName: "machines are named by mayfly",
  OffPeakPeriods: "GitLab dropped it in 14.0: [[runners.machine.autoscaling]] took its place",
  OffPeakTimezone: "GitLab dropped it in 14.0",
  OffPeakIdleCount: "GitLab dropped it in 14.0",
  OffPeakIdleTime: "GitLab dropped it in 14.0",
};

/** Translates a runner whose executor is docker+machine. @param concurrent the runner's limit of jobs over all. */
export function importMachineRunner(
  runner: Section,
  machine: Section,
  name: DraftLine,
  executor: string,
  concurrent: Read<number> | undefined,
  context: ScheduleContext,
): PoolDraft {
  const { notes } = context;
  const root = idleOf(machine, notes);
  const sections = machine.sections("autoscaling").flatMap((section) => {
    const periods = periodsOf(section, context);
    if (periods === undefined) return [];
    const lines = [periods, timezoneLine(section, context)];
    const idle = idleOf(section, notes);
    for (const origin of section.unread()) notes.add("lost", origin, "a section may set no such thing");
    return [{ at: section.place, idle, lines }];
  });
  const most = Math.max(root.max.value, ...sections.map(({ idle }) => idle.max.value));
  const maxMachines = maxMachinesOf(runner, most, concurrent, notes);
  const growth = growthOf(machine, maxMachines.value, notes);
  noteGone(machine, notes);
  const driver = machine.text("MachineDriver");
  const options = machine.list("MachineOptions");
  const ec2 = createEc2Draft(notes);
  const named = machine.list("MachineOptionsWithName");
  if (named !== undefined) notes.add("lost", named, "no option here depends on a machine's name");
  const isEc2 = driver?.value === "amazonec2";
  const guest = options !== undefined && isEc2 ? importOptions(options, ec2, notes).guest : [];
  if (options !== undefined && !isEc2) noteForeignOptions(options, notes);
  if (isEc2) notes.add("became", driver, 'pool.driver = "ec2"');
  else
    notes.add(
      "lost",
      driver ?? { place: machine.place, name: `${machine.name}.MachineDriver` },
      "mayfly has no driver for these machines: the pool is one of QEMU machines on this host, change it to one of EC2's or keep it",
    );
  for (const origin of machine.unread()) notes.add("lost", origin, "unknown to GitLab Runner, and to mayfly");
  const engine: DraftLine = {
    key: "engine",
    value: "install",
    why: 'docker-machine installs Docker on a stock image; "baked" with an image by `mayfly image build`',
  };
  return {
    ...{ runner, executor, name, maxMachines },
    lines: [growth],
    idle: withinLimit(root, maxMachines.value),
    sections: sections.map((section) => ({ ...section, idle: withinLimit(section.idle, maxMachines.value) })),
    guest: [dockerLine(runner, notes), ...(isEc2 ? [...guest, engine] : [])],
    ec2: isEc2 ? ec2.lines(machine) : undefined,
  };
}

/** A section without periods never holds there. */
function periodsOf(section: Section, context: ScheduleContext): DraftLine | undefined {
  const periods = section.list("Periods");
  if (periods !== undefined && periods.value.length > 0) return periodsLine(periods, periodFromMachine, SHAPE, context);
  const origin: Origin = periods ?? { place: section.place, name: `${section.name}.Periods` };
  context.notes.add("lost", origin, "the section has no periods: it never holds, and is left out");
  return undefined;
}

/** In the root and in every section alike, what is not set is 0. */
function idleOf(section: Section, notes: Notes): IdleDraft {
  const count = section.count("IdleCount");
  const time = section.count("IdleTime");
  const factor = section.factor("IdleScaleFactor");
  const least = section.count("IdleCountMin");
  const unset = (key: string): string => `${section.place} ${key} is not set: 0`;
  const idleCount = { value: count?.value ?? 0, why: count === undefined ? unset("IdleCount") : fromSetting(count) };
  const min = Math.min(idleCount.value, Math.max(1, least?.value ?? 0));
  const isOn = (factor?.value ?? 0) > 0 && min < idleCount.value;
  if (count !== undefined) notes.add("became", count, "idle_count");
  if (time !== undefined) notes.add("became", time, "idle_time, with its unit");
  if (factor !== undefined)
    notes.add(
      isOn || factor.value === 0 ? "became" : "lost",
      factor,
      isOn || factor.value === 0 ? "idle_scale_factor" : "it scales nothing between IdleCountMin and IdleCount",
    );
  if (least !== undefined)
    notes.add(
      isOn ? "became" : "lost",
      least,
      isOn ? "idle_count_min" : "it counts only with an IdleScaleFactor that scales",
    );
  return {
    idleCount,
    idleTimeMs: { value: (time?.value ?? 0) * 1000, why: time === undefined ? unset("IdleTime") : fromSetting(time) },
    factor: { value: factor?.value ?? 0, why: factor === undefined ? unset("IdleScaleFactor") : fromSetting(factor) },
    min: {
      value: isOn ? min : idleCount.value,
      why: least === undefined ? "IdleCountMin is 1 at least" : fromSetting(least),
    },
    max: { value: idleCount.value, why: `${idleCount.why}, which is the most` },
  };
}

function maxMachinesOf(
  runner: Section,
  idleMost: number,
  concurrent: Read<number> | undefined,
  notes: Notes,
): PoolDraft["maxMachines"] {
  const limit = runner.count("limit");
  if (limit !== undefined && limit.value > 0) {
    const value = machinesWithin(limit.value);
    if (value === limit.value) notes.add("became", limit, "pool.max_machines, in every state as there");
    else notes.add("changed", limit, `pool.max_machines = ${value}, which is the most`);
    return { key: "max_machines", value, why: fromSetting(limit) };
  }
  const jobs = concurrent?.value ?? 1;
  const value = machinesWithin(jobs + idleMost);
  const origin: Origin = limit ?? { place: runner.place, name: "runners.limit" };
  notes.add(
    "changed",
    origin,
    `without a limit, pool.max_machines is what concurrent jobs and idle machines take: ${value}`,
  );
  return {
    key: "max_machines",
    value,
    why: `${concurrent?.place ?? "the default"} concurrent (${jobs}) and the most idle ones (${idleMost})`,
  };
}

function growthOf(machine: Section, maxMachines: number, notes: Notes): DraftLine {
  const growth = machine.count("MaxGrowthRate");
  if (growth !== undefined && growth.value > 0) {
    notes.add("became", growth, "pool.max_growth_rate");
    return { key: "max_growth_rate", value: machinesWithin(growth.value), why: fromSetting(growth) };
  }
  const origin: Origin = growth ?? { place: machine.place, name: `${machine.name}.MaxGrowthRate` };
  if (growth !== undefined) notes.add("became", growth, "pool.max_growth_rate = max_machines: 0 is no limit there");
  return { key: "max_growth_rate", value: maxMachines, why: `${fromSetting(origin)} sets no limit` };
}

function noteGone(machine: Section, notes: Notes): void {
  const builds = machine.count("MaxBuilds");
  if (builds?.value === 1) notes.add("became", builds, "nothing: every machine serves one job here");
  else if (builds !== undefined)
    notes.add(
      "changed",
      builds,
      "every machine serves one job here, and is never used again: more of them are launched",
    );
  for (const [key, text] of Object.entries(GONE)) {
    const origin = machine.origin(key);
    if (origin !== undefined) notes.add("lost", origin, text);
  }
}
