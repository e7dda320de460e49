import type { EpochMs } from "../domain/ids.ts";
import type { LiveMachine, MachineIn } from "../domain/machine.ts";
import type { DesiredPool } from "../domain/pool.ts";
import { nextDueAt } from "../planning/due.ts";
import { planFleet } from "../planning/fleet.ts";
import { countInFlight } from "../planning/observed.ts";
import type { PoolInView } from "../planning/observed.ts";
import type { Action, ActionOf } from "../planning/plan.ts";
import { explainLaunch, explainPool, explainWait, waitCauseOf } from "../planning/why.ts";
import { assignWaiting, reachable } from "./leases/claim.ts";
import { dueLeases, endStranded, expireLeases, leaseDueAt, strandedLeases } from "./leases/expire.ts";
import { eventOf } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { createIntents, intentChanges } from "./launch/intent.ts";
import type { LaunchIntent } from "./launch/intent.ts";
import { startLaunches } from "./launch/launchTogether.ts";
import { heldUntil, withoutHeld } from "./launch/launchWindow.ts";
import { observePools } from "./observe.ts";
import { isStoreFailure } from "./state/record.ts";
import { recordShadows } from "./shadow/record.ts";
import { isAnyShadowOpen, settleShadows } from "./shadow/restore.ts";
import { stepShadows } from "./shadow/step.ts";
import { completeSpend, isSpendOpen } from "./spend.ts";
import { startChanges, startStart } from "./power/start.ts";
import { startPreloads } from "./preload/fetch.ts";
import { poolKey } from "./state/state.ts";
import { startStop, stopChanges } from "./power/stop.ts";
import { isPlanningUnrecorded, recordPlanning } from "./target/record.ts";
import { isAnyPlannerMissing, restorePlanners } from "./target/restore.ts";
import { afterRetirement, retirement, retireMachine, retryTerminations, terminationDueAt } from "./terminate.ts";
import { endInterrupted } from "./provider/watch.ts";

/** While the store cannot write, it is tried this often. */
const STORE_PROBE_MS = 5_000;
/** A pass so long before a lease lapses tells by its lateness whether its holder's renewals were kept waiting at our own door. */
const LEASE_EVE_MS = 2_000;

/** How a pass went. */
export interface Pass {
  /** When the next one is due if nothing else happens. */
  readonly dueAt: EpochMs;
  /** How long it looked and planned, without what it waited for: nothing else was done in this process meanwhile. */
  readonly thoughtMs: number;
}

/**
 * One pass over all pools: observe, plan, apply. Idempotent; the loop runs one at a time. One part that fails leaves the others
 * alone.
 */
export async function reconcileFleet(fleet: Fleet): Promise<Pass> {
  if (fleet.storeProblem !== "") await attempt(fleet, "probe store", () => probeStore(fleet));
  if (isSpendOpen(fleet)) await attempt(fleet, "read what was spent", () => completeSpend(fleet));
  if (isAnyPlannerMissing(fleet)) await attempt(fleet, "begin planning", () => restorePlanners(fleet));
  if (isAnyShadowOpen(fleet)) await attempt(fleet, "begin shadows", () => settleShadows(fleet));
  const due = dueLeases(fleet);
  if (due.length > 0) await attempt(fleet, "end leases", () => expireLeases(fleet, due));
  const stranded = strandedLeases(fleet);
  if (stranded.length > 0) await attempt(fleet, "end stranded leases", () => endStranded(fleet, stranded));
  if (fleet.interruptions.size > 0) await attempt(fleet, "end interrupted", () => endInterrupted(fleet));
  if (isAnybodyWaiting(fleet)) await attempt(fleet, "assign leases", () => fleet.decide(() => assignWaiting(fleet)));
  retryTerminations(fleet);
  const orphans = findOrphans(fleet);
  if (orphans.length > 0) await attempt(fleet, "retire orphans", () => retireOrphans(fleet, orphans));
  // Most passes find all as it should be: they take no turn in the queue of decisions, and look only once.
  const { clock } = fleet.deps;
  let thinksSince = clock.monotonic();
  let views = observePools(fleet);
  if (planFleet(views, clock.now()).length > 0) {
    await attempt(fleet, "reconcile pools", () => reconcilePools(fleet));
    thinksSince = clock.monotonic();
    views = observePools(fleet);
  } else fleet.heldLaunches.clear();
  explainPools(fleet, views);
  stepShadows(fleet, views);
  recordShadows(fleet);
  const dueAt = nextPassAt(fleet, views);
  const thoughtMs = clock.monotonic() - thinksSince;
  startPreloads(fleet);
  if (isPlanningUnrecorded(fleet)) await attempt(fleet, "record planning", () => recordPlanning(fleet));
  return { dueAt, thoughtMs };
}

const isAnybodyWaiting = (fleet: Fleet): boolean =>
  fleet.deps.desired().pools.some(({ name }) => fleet.state.waitingCount(name) > 0);

/** Runs one part of a pass. What the store could not write is tried again by the next pass; anything else is a bug. */
async function attempt(fleet: Fleet, part: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    const level = isStoreFailure(error) ? "warn" : "error";
    fleet.deps.logger[level]({ part, err: error }, "a part of the pass failed, the next one starts afresh");
  }
}

/** Finds out by a tiny write whether a store that failed works again. */
async function probeStore(fleet: Fleet): Promise<void> {
  const detail = `after: ${fleet.storeProblem}`;
  await fleet.state.commit([eventOf(fleet, { what: "store written again", detail })]);
  fleet.deps.logger.info({ detail }, "the store can be written again");
}

/** Plan and intent are one decision: no machine is leased between the two, and no headroom is counted twice. */
async function reconcilePools(fleet: Fleet): Promise<void> {
  const { actions, intents, retirements, stops, starts } = await fleet.decide(async () => {
    const views = observePools(fleet);
    const actions = withoutHeld(fleet, views, planFleet(views, fleet.deps.clock.now()));
    const intents = actions.flatMap((action) => (action.kind === "launch" ? intentsOf(fleet, views, action) : []));
    const retirements = actions.flatMap((action) => retirementOf(fleet, action));
    const stops = actions.flatMap((action) => stopOf(fleet, action));
    const starts = actions.flatMap((action) => startOf(fleet, action));
    const changes = [
      ...intents.flatMap(({ intent, why }) => intentChanges(fleet, intent, why)),
      ...retirements.flatMap(({ machine, reason, detail }) => retirement(fleet, machine, reason, detail)),
      ...stops.flatMap(({ machine, detail }) => stopChanges(fleet, machine, detail)),
      ...starts.flatMap(({ machine, detail }) => startChanges(fleet, machine, detail)),
    ];
    if (changes.length > 0) await fleet.state.commit(changes);
    return { actions, intents, retirements, stops, starts };
  });
  if (actions.length === 0) return;
  fleet.deps.logger.debug({ actions }, "planned");
  for (const { machine, reason, detail } of retirements) afterRetirement(fleet, machine, reason, detail);
  startLaunches(fleet, intents);
  for (const { machine } of stops) {
    const stopping = fleet.state.machine(machine.id);
    if (stopping?.state === "stopping") startStop(fleet, stopping);
  }
  for (const { machine } of starts) {
    const starting = fleet.state.machine(machine.id);
    if (starting?.state === "starting") startStart(fleet, starting);
  }
}

function intentsOf(
  fleet: Fleet,
  views: readonly PoolInView[],
  { poolName, count }: ActionOf<"launch">,
): PlannedLaunch[] {
  const view = views.find(({ desired }) => desired.name === poolName);
  if (view === undefined) return [];
  const { desired, observed } = view;
  const why = explainLaunch(desired, observed);
  return createIntents(fleet, desired, count).map((intent) => ({ desired, why, intent }));
}

interface PlannedLaunch {
  readonly desired: DesiredPool;
  readonly intent: LaunchIntent;
  readonly why: string;
}

type Retirement = Omit<ActionOf<"terminate">, "kind" | "machineId"> & { readonly machine: LiveMachine };

function retirementOf(fleet: Fleet, action: Action): Retirement[] {
  const machine = action.kind === "terminate" ? fleet.state.machine(action.machineId) : undefined;
  return action.kind === "terminate" && machine !== undefined ? [{ ...action, machine }] : [];
}

interface Turn<S extends "idle" | "stopped"> {
  readonly machine: MachineIn<S>;
  readonly detail: string;
}

/** A machine that cannot be reached right now is stopped by a later pass, or never. */
function stopOf(fleet: Fleet, action: Action): Turn<"idle">[] {
  const machine = action.kind === "stop" ? fleet.state.machine(action.machineId) : undefined;
  if (action.kind !== "stop" || machine?.state !== "idle") return [];
  const isReachable = reachable(fleet, machine.poolName).some(({ id }) => id === machine.id);
  return isReachable ? [{ machine, detail: action.detail }] : [];
}

function startOf(fleet: Fleet, action: Action): Turn<"stopped">[] {
  const machine = action.kind === "start" ? fleet.state.machine(action.machineId) : undefined;
  return action.kind === "start" && machine?.state === "stopped" ? [{ machine, detail: action.detail }] : [];
}

/** Machines whose pool nobody wishes for any more, and that nobody holds; a leased one keeps its job. */
function findOrphans(fleet: Fleet): LiveMachine[] {
  const names = new Set(fleet.deps.desired().pools.map(({ name }) => name));
  const removed = [...fleet.state.poolsWithMachines()].filter((name) => !names.has(name));
  const isUnheld = ({ state }: LiveMachine): boolean => state !== "leased" && state !== "terminating";
  return removed.flatMap((name) => fleet.state.machines(name).filter(isUnheld));
}

async function retireOrphans(fleet: Fleet, orphans: readonly LiveMachine[]): Promise<void> {
  const isUnheld = ({ state }: LiveMachine): boolean => state !== "leased";
  for (const { id, poolName } of orphans) {
    await retireMachine(fleet, id, "pool-removed", `pool ${poolName} is not in the configuration`, isUnheld);
  }
}

function explainPools(fleet: Fleet, views: readonly PoolInView[]): void {
  const now = fleet.deps.clock.now();
  for (const { desired, observed } of views) {
    const notes = fleet.state.notes(desired.name);
    notes.why = explainPool(desired, observed, now);
    if (observed.waitingLeases > 0)
      fleet.waits.note(desired.name, countInFlight(observed.machines), waitCauseOf(desired, observed, now), now);
    const waitWhy = explainWait(desired, observed, now);
    if (waitWhy === notes.waitWhy) continue;
    notes.waitWhy = waitWhy;
    fleet.changes.notify(poolKey(desired.name));
  }
}

/** When something is due by the passing of time alone. */
function nextPassAt(fleet: Fleet, views: readonly PoolInView[]): number {
  const now = fleet.deps.clock.now();
  let first = fleet.storeProblem === "" ? Infinity : now + STORE_PROBE_MS;
  const consider = (at: EpochMs): void => {
    if (at > now && at < first) first = at;
  };
  for (const view of views) {
    consider(nextDueAt(view.desired, view.observed, now));
    consider(heldUntil(fleet, view));
  }
  for (const lease of fleet.state.leases()) {
    const dueAt = leaseDueAt(fleet, lease);
    consider(dueAt - LEASE_EVE_MS);
    consider(dueAt);
  }
  for (const machine of fleet.state.machines())
    if (machine.state === "terminating") consider(terminationDueAt(fleet, machine));
  for (const { endsAt } of fleet.interruptions.values()) consider(endsAt);
  return first;
}
