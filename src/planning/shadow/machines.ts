import type { EpochMs, MachineId } from "../../domain/ids.ts";
import type { LiveMachine, MachineIn } from "../../domain/machine.ts";
import { idleFrom, startingFrom, stoppedFrom, stoppingFrom } from "../../domain/moves.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { shapeDigestOf } from "../../domain/recipe.ts";
import { costUntil } from "../cost/bill.ts";
import { costWithin, midnightBefore } from "../cost/daySpend.ts";
import type { ShadowBook } from "./book.ts";

/** Machines of a book are reached nowhere. */
export const NOWHERE = { host: "", port: 0 };

/** A machine that is there in a book alone. @param recipe what it is made from, where it may be stopped */
export const bookedMachine = (
  id: MachineId,
  pool: DesiredPool,
  at: EpochMs,
  price: LiveMachine["price"],
  recipe?: string,
): MachineIn<"booting"> => ({
  ...{ id, poolName: pool.name, driver: pool.shape.driver, price, launchToken: "", requestedAt: at, isCordoned: false },
  ...{ shapeDigest: shapeDigestOf(pool), recipe, state: "booting", providerId: id, launchedAt: at },
});

/** Takes a machine out of a book, with what it has cost. */
export function removeMachine(book: ShadowBook, id: MachineId): void {
  const machine = book.machines.find((one) => one.id === id);
  if (machine === undefined) return;
  turnDay(book);
  book.spend.endedUsd += costWithin(machine, book.spend.midnight, book.at);
  book.machines = book.machines.filter((one) => one !== machine);
  book.boots = book.boots.filter((boot) => boot.id !== id);
  book.stops = book.stops.filter((stop) => stop.id !== id);
}

/** Begins a new day's spending when there is one. */
export function turnDay({ spend, at }: ShadowBook): void {
  const midnight = midnightBefore(at);
  if (spend.midnight !== midnight) Object.assign(spend, { midnight, endedUsd: 0 });
}

/** Puts machines in the place of those with their ids. */
export function replaceMachines(book: ShadowBook, next: ReadonlyMap<MachineId, LiveMachine>): void {
  if (next.size > 0) book.machines = book.machines.map((machine) => next.get(machine.id) ?? machine);
}

const machineIn = <S extends LiveMachine["state"]>(book: ShadowBook, id: MachineId, state: S) =>
  book.machines.find((one): one is Extract<LiveMachine, { state: S }> => one.id === id && one.state === state);

/** Begins to stop an idle machine. @param stopMs how long that takes, in milliseconds */
export function stopMachine(book: ShadowBook, id: MachineId, stopMs: number): void {
  const machine = machineIn(book, id, "idle");
  if (machine === undefined) return;
  replaceMachines(book, new Map([[id, stoppingFrom(machine, book.at, costUntil(machine, book.at))]]));
  book.stopsAsked += 1;
  book.stops = [...book.stops, { id, stoppedAt: book.at + stopMs }];
}

/** Begins to start a stopped machine. @param startMs how long that takes, in milliseconds */
export function startMachine(book: ShadowBook, id: MachineId, startMs: number): void {
  const machine = machineIn(book, id, "stopped");
  if (machine === undefined) return;
  replaceMachines(book, new Map([[id, startingFrom(machine, book.at, costUntil(machine, book.at))]]));
  book.startsAsked += 1;
  book.boots = [...book.boots, { id, readyAt: book.at + startMs }];
}

/** Ends the boots, starts and stops of a book that are due by now. */
export function bringMachinesOn(book: ShadowBook): void {
  const ready = new Set(book.boots.filter(({ readyAt }) => readyAt <= book.at).map(({ id }) => id));
  const stopped = new Set(book.stops.filter(({ stoppedAt }) => stoppedAt <= book.at).map(({ id }) => id));
  if (ready.size + stopped.size === 0) return;
  book.boots = book.boots.filter(({ id }) => !ready.has(id));
  book.stops = book.stops.filter(({ id }) => !stopped.has(id));
  book.machines = book.machines.map((machine) => {
    if (ready.has(machine.id) && (machine.state === "booting" || machine.state === "starting"))
      return idleFrom(machine, NOWHERE, book.at);
    if (stopped.has(machine.id) && machine.state === "stopping")
      return stoppedFrom(machine, book.at, costUntil(machine, book.at));
    return machine;
  });
}
