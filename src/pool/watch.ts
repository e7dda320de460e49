import { aborted } from "./deadline.ts";
import type { Fleet } from "./fleet.ts";
import { retireMachine } from "./terminate.ts";

/** Listens to what the providers tell by themselves, until the fleet's tasks end. */
export function watchDrivers(fleet: Fleet): void {
  fleet.tasks.start("watch drivers", async (signal) => {
    const stops = [...fleet.deps.drivers.values()].flatMap(
      (driver) => driver.watch?.({ onGone: (providerId, detail) => noteGone(fleet, providerId, detail) }) ?? [],
    );
    await aborted(signal);
    for (const stop of stops) stop();
  });
}

function noteGone(fleet: Fleet, providerId: string, detail: string): void {
  const machine = fleet.state.machines().find((m) => "providerId" in m && m.providerId === providerId);
  if (machine === undefined) return;
  fleet.tasks.start(`retire ${machine.id}`, () => retireMachine(fleet, machine.id, "instance-gone", detail));
}
