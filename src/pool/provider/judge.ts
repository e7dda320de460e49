import type { EpochMs } from "../../domain/ids.ts";
import type { LiveMachine, MachineIn } from "../../domain/machine.ts";
import type { Driver, Instance } from "../../ports/driver.ts";
import { eventOf, lookSoon } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";
import type { Doubt, Look } from "./looks.ts";
import { recordFact } from "../state/record.ts";
import { noteStopped } from "../power/stop.ts";
import { noteTerminated, retireMachine, startTermination } from "../terminate.ts";

/** What it takes for an instance to count as gone: absent from so many lists, over so long, since a list may lag by half a minute. */
const MISSING_LISTS = 3;
const MISSING_MS = 90_000;
/** The same for what a launch without a definite answer may still bring forth: providers act minutes after a call broke off. */
const UNANSWERED_MS = 300_000;
/** What it takes when lists say that an instance ends though its channel still lives. */
const ENDING_LISTS = 2;
const ENDING_MS = 30_000;
/** How far a list may lag behind a stop, where the driver does not say. */
const LIST_LAG_MS = 30_000;

/** Draws from one list what it says of the machines that we know. */
export async function judgeMachines(fleet: Fleet, driver: Driver, look: Look, signal: AbortSignal): Promise<void> {
  const listed = Map.groupBy(look.instances, (instance) => instance.machineId);
  for (const machine of fleet.state.machines()) {
    if (machine.driver !== driver.name) continue;
    const instances = listed.get(machine.id) ?? [];
    // A partial list tells nothing of what it does not show.
    if (instances.length === 0 && !look.isWhole) continue;
    if (machine.state === "terminating") await judgeEnding(fleet, driver, machine, instances, look.at, signal);
    else if (machine.state !== "requested" && !isAsKnown(fleet, machine, instances))
      await judgeLaunched(fleet, machine, instances, look.at);
    if (machine.state === "stopping") await judgeStopping(fleet, driver, machine, instances, look.at, signal);
  }
}

/** Tells whether a list says of a machine what is known already: nearly all lists do of nearly all machines. */
const isAsKnown = (fleet: Fleet, { id, providerId, state }: Launched, instances: readonly Instance[]): boolean =>
  !fleet.doubts.has(id) && instances.some((one) => one.providerId === providerId && fits(state, one));

type Launched = MachineIn<"booting" | "idle" | "stopping" | "stopped" | "starting" | "leased">;

/** Tells whether an instance may be shown so of a machine in this state. */
function fits(state: Launched["state"], instance: Instance): boolean {
  const runs = instance.state === "running" || instance.state === "pending";
  const isStopped = instance.state === "stopped" || instance.state === "stopping";
  switch (state) {
    case "booting":
    case "idle":
    case "leased":
      return runs;
    case "stopped":
      return isStopped;
    case "stopping":
    case "starting":
      return runs || isStopped;
  }
}

async function judgeLaunched(
  fleet: Fleet,
  machine: Launched,
  instances: readonly Instance[],
  at: EpochMs,
): Promise<void> {
  const instance = instances.find(({ providerId }) => providerId === machine.providerId);
  const answers = fleet.guests.get(machine.id) !== undefined;
  if (instance !== undefined && !fits(machine.state, instance)) {
    const runs = instance.state === "running" || instance.state === "pending";
    const doubt = addDoubt(fleet, machine, runs ? "running" : "ending", at);
    // A list that lags shows a machine that was started, or has just stopped, as it was before.
    const mayLag = instance.state !== "ending" && (runs || machine.startedAt !== undefined);
    const isProven = (!answers && !mayLag) || (doubt.lists >= ENDING_LISTS && at - doubt.since >= ENDING_MS);
    const text = `the provider lists it as ${instance.state}`;
    if (isProven) await retireMachine(fleet, machine.id, runs ? "not-stopped" : "instance-gone", text);
    return;
  }
  // A machine that answers is there, whatever a list says.
  if (instance !== undefined || answers) return void fleet.doubts.delete(machine.id);
  const doubt = addDoubt(fleet, machine, "missing", at);
  if (isMissing(doubt, at, MISSING_MS)) {
    const isSilent = (): boolean => fleet.guests.get(machine.id) === undefined;
    await retireMachine(fleet, machine.id, "instance-gone", absenceText(doubt, at), isSilent);
  }
}

/** A machine is stopped when a list says so that is too young to show an earlier stop. */
async function judgeStopping(
  fleet: Fleet,
  { capabilities }: Driver,
  machine: MachineIn<"stopping">,
  instances: readonly Instance[],
  at: EpochMs,
  signal: AbortSignal,
): Promise<void> {
  if (at - machine.stoppingSince < (capabilities.listLagMs ?? LIST_LAG_MS)) return;
  const instance = instances.find(({ providerId }) => providerId === machine.providerId);
  if (instance?.state === "stopped") await noteStopped(fleet, machine, at, signal);
}

/** A terminating machine whose provider was not asked, or answered with an error, is gone when lists say so for long enough. */
async function judgeEnding(
  fleet: Fleet,
  driver: Driver,
  machine: MachineIn<"terminating">,
  instances: readonly Instance[],
  at: EpochMs,
  signal: AbortSignal,
): Promise<void> {
  const isAsked = machine.providerId !== undefined;
  if (isAsked && !fleet.terminations.has(machine.id)) return;
  const instance = isAsked ? instances.find(({ providerId }) => providerId === machine.providerId) : instances[0];
  if (instance !== undefined) {
    fleet.doubts.delete(machine.id);
    if (!isAsked) await learnInstance(fleet, machine, instance, signal);
    return;
  }
  // What a launch may still bring forth is not missing yet; nor while a call goes on that others wait for as well.
  if (fleet.launching.has(machine.id) && driver.capabilities.listLagMs !== 0) return;
  if (at <= (fleet.launchEndedAt.get(machine.id) ?? fleet.watchedSince)) return lookSoon(fleet, driver.name);
  const doubt = addDoubt(fleet, machine, "missing", at);
  const isExact = driver.capabilities.listLagMs === 0;
  const isGone = isExact && !fleet.launching.has(machine.id);
  const graceMs = isAsked ? MISSING_MS : UNANSWERED_MS;
  if (isGone || isMissing(doubt, at, graceMs)) await noteTerminated(fleet, machine.id, absenceText(doubt, at), signal);
  else if (isExact) lookSoon(fleet, driver.name);
}

/** Records the instance that a launch without an answer made after all, and ends it. */
async function learnInstance(
  fleet: Fleet,
  machine: MachineIn<"terminating">,
  { providerId }: Instance,
  signal: AbortSignal,
): Promise<void> {
  const { id: machineId, poolName } = machine;
  const isIts = await recordFact(fleet, signal, async () => {
    const found = fleet.state.machine(machineId);
    // The list may be older than what was given out of a call for several since.
    const isTaken = fleet.state.machines().some((one) => one.state !== "requested" && one.providerId === providerId);
    if (found?.state !== "terminating" || isTaken) return false;
    await fleet.state.commit([
      { kind: "machine-moved", machine: { ...found, providerId }, from: "terminating" },
      eventOf(fleet, { machineId, poolName, what: "instance found", detail: `${providerId}, by its tag` }),
    ]);
    return true;
  });
  if (isIts) startTermination(fleet, machineId);
}

function addDoubt(fleet: Fleet, { id }: LiveMachine, what: Doubt["what"], at: EpochMs): Doubt {
  const known = fleet.doubts.get(id);
  const doubt = known?.what === what ? { ...known, lists: known.lists + 1 } : { what, since: at, lists: 1 };
  fleet.doubts.set(id, doubt);
  return doubt;
}

const isMissing = ({ lists, since }: Doubt, at: EpochMs, graceMs: number): boolean =>
  lists >= MISSING_LISTS && at - since >= graceMs;

const absenceText = ({ lists, since }: Doubt, at: EpochMs): string =>
  lists === 1
    ? "the provider does not list it"
    : `absent from ${lists} lists of the provider over ${Math.round((at - since) / 1000)} s`;
