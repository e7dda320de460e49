import { CapacityError, ConfigError, NoEffectError, RefusedError } from "../../domain/errors.ts";
import type { MachineId } from "../../domain/ids.ts";
import type { MachineIn } from "../../domain/machine.ts";
import { bootingFrom, terminatingFrom } from "../../domain/moves.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { priceFrom } from "../../planning/cost/price.ts";
import type { Instance } from "../../ports/driver.ts";
import type { Change } from "../../ports/store.ts";
import { startBoot } from "./boot.ts";
import { eventOf, nudge } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";
import type { LaunchIntent } from "./intent.ts";
import { recordFact } from "../state/record.ts";
import { noteAccepted, noteRefusal } from "./refusals.ts";
import { retireMachine, termination } from "../terminate.ts";
import { heedEarlyNotice } from "../provider/watch.ts";

/** What became of a launch: its machine boots. */
export interface Launched {
  readonly intent: LaunchIntent;
  readonly instance: Instance;
  readonly booting: MachineIn<"booting">;
}

/** Makes the record of a machine whose instance is known. */
export function launchedFrom(fleet: Fleet, pool: DesiredPool, intent: LaunchIntent, instance: Instance): Launched {
  const { machine } = intent;
  const { providerId, offering, origin } = instance;
  // The provider's clock is another one than ours.
  const launchedAt = Math.min(Math.max(instance.launchedAt, machine.requestedAt), fleet.deps.clock.now());
  return { intent, instance, booting: bootingFrom(machine, providerId, launchedAt, priceFrom(pool, offering), origin) };
}

/** The writes that record it. Commit them inside `decide`, then call `afterLaunch`. */
export function launchedChanges(fleet: Fleet, { booting, instance }: Launched): Change[] {
  const { id: machineId, poolName, providerId } = booting;
  const detail = instance.origin === undefined ? providerId : `${providerId}, ${instance.origin}`;
  return [
    { kind: "machine-moved", machine: booting, from: "requested" },
    eventOf(fleet, { machineId, poolName, what: "machine launched", detail }),
  ];
}

/** Has a machine boot whose launch is stored. */
export function afterLaunch(fleet: Fleet, pool: DesiredPool, { intent, instance, booting }: Launched): void {
  const { machine, keys } = intent;
  const { id: machineId, poolName, providerId } = booting;
  noteAccepted(fleet, machine);
  fleet.deps.logger.info({ machineId, poolName, providerId, origin: instance.origin }, "launched machine");
  startBoot(fleet, booting, keys, machine.guestSettings ?? pool.guest, instance.address);
  heedEarlyNotice(fleet, booting);
  nudge(fleet);
}

/** How a launch failed. */
export interface LaunchFailure {
  readonly error: unknown;
  /** Whether the driver was called at all. */
  readonly isAsked: boolean;
  /** Whether no manager before had called it with this token. */
  readonly isFirst: boolean;
}

/** Notes that a launch brought nothing, as far as is known. */
export async function noteFailed(
  fleet: Fleet,
  machine: MachineIn<"requested">,
  { error, isAsked, isFirst }: LaunchFailure,
  signal: AbortSignal,
): Promise<void> {
  noteRefusal(fleet, machine, error);
  // An earlier call with this token may have had another fate.
  const wasNeverLaunched = isFirst && (!isAsked || isRefusal(error));
  if (wasNeverLaunched) await noteNeverLaunched(fleet, machine, error, signal);
  else await retireMachine(fleet, machine.id, "launch-failed", textOf(error), ({ state }) => state === "requested");
  nudge(fleet);
}

/** What a driver answers of a launch that came to nothing for certain: its record need not wait until lists prove that. */
const isRefusal = (error: unknown): boolean =>
  [CapacityError, ConfigError, RefusedError, NoEffectError].some((known) => error instanceof known);

/** Keeps in mind that launches are with the driver, for as long as they really are. */
export async function track<T>(fleet: Fleet, ids: readonly MachineId[], call: () => Promise<T>): Promise<T> {
  for (const id of ids) fleet.launching.add(id);
  try {
    return await call();
  } finally {
    for (const id of ids) {
      fleet.launching.delete(id);
      noteEnded(fleet, id);
    }
  }
}

/** From here on, lists that are without the machine tell that nothing came of its launch. */
export function noteEnded(fleet: Fleet, id: MachineId): void {
  if (fleet.state.machine(id) !== undefined) fleet.launchEndedAt.set(id, fleet.deps.clock.now());
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
  await recordFact(
    fleet,
    signal,
    async () => {
      if (fleet.state.machine(machineId)?.state !== "requested") return;
      const terminating = terminatingFrom(machine, "launch-failed", detail, fleet.deps.clock.now());
      await fleet.state.commit([
        { kind: "machine-moved", machine: terminating, from: "requested" },
        eventOf(fleet, { machineId, poolName, what: "machine retired", detail: `launch-failed: ${detail}` }),
        ...termination(fleet, terminating, "it was never launched"),
      ]);
    },
    poolName,
  );
  fleet.launchEndedAt.delete(machineId);
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
