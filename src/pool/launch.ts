import { CapacityError, ConfigError, NoEffectError, RefusedError } from "../domain/errors.ts";
import { machineIdFrom } from "../domain/ids.ts";
import type { MachineId } from "../domain/ids.ts";
import type { MachineIn } from "../domain/machine.ts";
import { bootingFrom, terminatingFrom } from "../domain/moves.ts";
import type { DesiredPool } from "../domain/pool.ts";
import { recipeOf } from "../domain/recipe.ts";
import { priceFrom } from "../planning/cost/price.ts";
import { LEASE_OVERTIME_MS } from "../planning/retire.ts";
import type { Instance, LaunchSpec } from "../ports/driver.ts";
import type { MachineKeys, MachineLimits } from "../ports/guest.ts";
import type { Change } from "../ports/store.ts";
import { startBoot } from "./boot.ts";
import { callDriver } from "./calls.ts";
import { eventOf, nudge } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { isStoreFailure, recordFact } from "./record.ts";
import { noteAccepted, noteRefusal } from "./refusals.ts";
import { launchTask } from "./tasks.ts";
import { retireMachine, termination } from "./terminate.ts";

/** A machine whose launch is intended, with what it takes. */
export interface LaunchIntent {
  readonly machine: MachineIn<"requested">;
  readonly keys: MachineKeys;
}

/** Makes the intent to launch one machine. Commit its `intentChanges` before it is started. */
export function createIntent(fleet: Fleet, pool: DesiredPool): LaunchIntent {
  const { clock, random, guest, version = "" } = fleet.deps;
  const machine: MachineIn<"requested"> = {
    id: machineIdFrom(random.id("m")),
    poolName: pool.name,
    driver: pool.shape.driver,
    launchToken: random.id("t"),
    requestedAt: clock.now(),
    isCordoned: false,
    guestSettings: pool.guest,
    ...((pool.stoppedCount ?? 0) > 0 && { recipe: recipeOf(pool, version) }),
    state: "requested",
  };
  return { machine, keys: guest.createKeys(machine.id) };
}

/** The writes that record the intent, with the reason why. */
export function intentChanges(fleet: Fleet, { machine, keys }: LaunchIntent, why: string): Change[] {
  const { id: machineId, poolName } = machine;
  return [
    { kind: "machine-added", machine, keys },
    eventOf(fleet, { machineId, poolName, what: "launch requested", detail: why }),
  ];
}

/** Asks the provider for a machine whose intent is stored. */
export function startLaunch(fleet: Fleet, pool: DesiredPool, intent: LaunchIntent, isFirst = true): void {
  fleet.tasks.start(launchTask(intent.machine.id), (signal) => launchMachine(fleet, pool, intent, isFirst, signal));
}

/** Asks again, with the same token, for a machine that an earlier run of the manager asked for. */
export async function resumeLaunch(fleet: Fleet, pool: DesiredPool, intent: LaunchIntent): Promise<void> {
  const { id: machineId, poolName } = intent.machine;
  const detail = "no answer was in the store when the manager came back";
  // The intent is in the store: a full disk may keep this news from it, but not the manager from its start.
  await fleet.state
    .commit([eventOf(fleet, { machineId, poolName, what: "launch resumed", detail })])
    .catch((error: unknown) => {
      if (!isStoreFailure(error)) throw error;
    });
  startLaunch(fleet, pool, intent, false);
}

/** A machine lives at the longest through a slow boot, a long wait, and a job with all its overtime. */
const limitsFrom = ({ orphanTimeoutMs, bootTimeoutMs, maxAgeMs, jobTimeoutMs }: DesiredPool): MachineLimits => ({
  orphanTimeoutMs,
  lifetimeMs: bootTimeoutMs + maxAgeMs + jobTimeoutMs + LEASE_OVERTIME_MS,
});

async function launchMachine(
  fleet: Fleet,
  pool: DesiredPool,
  intent: LaunchIntent,
  isFirst: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { machine, keys } = intent;
  let isAsked = false;
  try {
    const seed = await fleet.deps.guest.seedFrom(machine.id, keys, pool.guest, limitsFrom(pool));
    const spec = { machineId: machine.id, poolName: pool.name, shape: pool.shape, seed };
    const instance = await callDriver(fleet, machine.driver, "launch", signal, (driver, bounded) => {
      isAsked = true;
      return track(fleet, machine, () => driver.launch(spec satisfies LaunchSpec, machine.launchToken, bounded));
    });
    await noteLaunched(fleet, intent, pool, instance, signal);
  } catch (error) {
    noteEnded(fleet, machine.id);
    // It was retired, and its termination takes over; or the manager ends, and the next one asks again.
    if (signal.aborted) return;
    noteRefusal(fleet, machine, error);
    // An earlier call with this token may have had another fate.
    const wasNeverLaunched = !isAsked || (isFirst && isRefusal(error));
    if (wasNeverLaunched) await noteNeverLaunched(fleet, machine, error, signal);
    else await retireMachine(fleet, machine.id, "launch-failed", textOf(error), ({ state }) => state === "requested");
    nudge(fleet);
  }
}

/** What a driver answers of a launch that came to nothing for certain: its record need not wait until lists prove that. */
const isRefusal = (error: unknown): boolean =>
  [CapacityError, ConfigError, RefusedError, NoEffectError].some((known) => error instanceof known);

/** Keeps in mind that a launch is with the driver, for as long as it really is. */
async function track<T>(fleet: Fleet, { id }: MachineIn<"requested">, call: () => Promise<T>): Promise<T> {
  fleet.launching.add(id);
  try {
    return await call();
  } finally {
    fleet.launching.delete(id);
    noteEnded(fleet, id);
  }
}

/** From here on, lists that are without the machine tell that nothing came of its launch. */
function noteEnded(fleet: Fleet, id: MachineId): void {
  if (fleet.state.machine(id) !== undefined) fleet.launchEndedAt.set(id, fleet.deps.clock.now());
}

async function noteLaunched(
  fleet: Fleet,
  { machine, keys }: LaunchIntent,
  pool: DesiredPool,
  instance: Instance,
  signal: AbortSignal,
): Promise<void> {
  const { id: machineId, poolName, requestedAt } = machine;
  const { providerId, address, offering } = instance;
  // The provider's clock is another one than ours.
  const launchedAt = Math.min(Math.max(instance.launchedAt, requestedAt), fleet.deps.clock.now());
  const booting = bootingFrom(machine, providerId, launchedAt, priceFrom(pool, offering));
  const isWanted = await recordFact(fleet, signal, async () => {
    if (fleet.state.machine(machineId)?.state !== "requested") return false;
    await fleet.state.commit([
      { kind: "machine-moved", machine: booting, from: "requested" },
      eventOf(fleet, { machineId, poolName, what: "machine launched", detail: providerId }),
    ]);
    return true;
  });
  // A machine that was retired in the meantime is found by its tag and ended by its termination, which waits for this task.
  if (!isWanted) return;
  noteAccepted(fleet, machine);
  fleet.deps.logger.info({ machineId, poolName, providerId }, "launched machine");
  startBoot(fleet, booting, keys, machine.guestSettings ?? pool.guest, address);
  nudge(fleet);
}

/** Ends the record of a machine of which the provider has nothing, in one commit: there is nothing to terminate. */
async function noteNeverLaunched(
  fleet: Fleet,
  machine: MachineIn<"requested">,
  error: unknown,
  signal: AbortSignal,
): Promise<void> {
  const { id: machineId, poolName } = machine;
  const detail = textOf(error);
  await recordFact(fleet, signal, async () => {
    if (fleet.state.machine(machineId)?.state !== "requested") return;
    const terminating = terminatingFrom(machine, "launch-failed", detail, fleet.deps.clock.now());
    await fleet.state.commit([
      { kind: "machine-moved", machine: terminating, from: "requested" },
      eventOf(fleet, { machineId, poolName, what: "machine retired", detail: `launch-failed: ${detail}` }),
      ...termination(fleet, terminating, "it was never launched"),
    ]);
  });
  fleet.launchEndedAt.delete(machineId);
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
