import { machineIdFrom } from "../../domain/ids.ts";
import type { MachineId } from "../../domain/ids.ts";
import type { MachineIn } from "../../domain/machine.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { recipeOf, shapeDigestOf } from "../../domain/recipe.ts";
import type { MachineKeys } from "../../ports/guest.ts";
import type { Change } from "../../ports/store.ts";
import { eventOf } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";

/** A machine whose launch is intended, with what it takes. */
export interface LaunchIntent {
  readonly machine: MachineIn<"requested">;
  readonly keys: MachineKeys;
}

/**
 * Makes the intents to launch some machines. Commit their `intentChanges` before they are started. Where the driver launches
 * several by one call, who is in which call is a part of the intent: so a manager that comes back makes the very same call.
 */
export function createIntents(fleet: Fleet, pool: DesiredPool, count: number): LaunchIntent[] {
  const { maxMachines = 1 } = fleet.deps.drivers.get(pool.shape.driver)?.together ?? {};
  const calls = Math.ceil(count / maxMachines);
  // Calls of much the same size, rather than full ones and one for the rest.
  return Array.from({ length: calls }, (_, call) => Math.ceil((count - call) / calls)).flatMap((size) =>
    size === 1 ? [createIntent(fleet, pool)] : createIntentsOfOneCall(fleet, pool, size),
  );
}

function createIntent(fleet: Fleet, pool: DesiredPool): LaunchIntent {
  const id = machineIdFrom(fleet.deps.random.id("m"));
  return { machine: requestedFrom(fleet, pool, id, fleet.deps.random.id("t")), keys: fleet.deps.guest.createKeys(id) };
}

/** One token, and one pair of keys until each of the machines has made its own: they are told the same. */
function createIntentsOfOneCall(fleet: Fleet, pool: DesiredPool, size: number): LaunchIntent[] {
  const { random, guest } = fleet.deps;
  const launchedWith = Array.from({ length: size }, () => machineIdFrom(random.id("m")));
  const token = random.id("t");
  const keys = guest.createKeys(random.id("k"));
  return launchedWith.map((id) => ({ machine: { ...requestedFrom(fleet, pool, id, token), launchedWith }, keys }));
}

function requestedFrom(fleet: Fleet, pool: DesiredPool, id: MachineId, launchToken: string): MachineIn<"requested"> {
  const { clock, version = "" } = fleet.deps;
  return {
    ...{ id, poolName: pool.name, driver: pool.shape.driver, launchToken },
    requestedAt: clock.now(),
    isCordoned: false,
    guestSettings: pool.guest,
    shapeDigest: shapeDigestOf(pool),
    ...((pool.stoppedCount ?? 0) > 0 && { recipe: recipeOf(pool, version) }),
    state: "requested",
  };
}

/** The writes that record the intent, with the reason why. */
export function intentChanges(fleet: Fleet, { machine, keys }: LaunchIntent, why: string): Change[] {
  const { id: machineId, poolName } = machine;
  return [
    { kind: "machine-added", machine, keys },
    eventOf(fleet, { machineId, poolName, what: "launch requested", detail: why }),
  ];
}
