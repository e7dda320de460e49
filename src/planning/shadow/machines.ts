import type { EpochMs, MachineId } from "../../domain/ids.ts";
import type { LiveMachine, MachineIn } from "../../domain/machine.ts";
import { idleFrom, startingFrom, stoppedFrom, stoppingFrom } from "../../domain/moves.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { shapeDigestOf } from "../../domain/recipe.ts";
import { costUntil } from "../cost/bill.ts";
import { costWithin, midnightBefore } from "../cost/daySpend.ts";
import { carryCensus } from "../census.ts";
import { carryOverdue } from "../retire.ts";
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
  const { machines } = book;
  book.machines = machines.toSpliced(machines.indexOf(machine), 1);
  carry(machines, book.machines, machine, undefined);
  book.boots = book.boots.filter((boot) => boot.id !== id);
  book.stops = book.stops.filter((stop) => stop.id !== id);
}

/** Begins a new day's spending when there is one. */
export function turnDay({ spend, at }: ShadowBook): void {
  const midnight = midnightBefore(at);
  if (spend.midnight !== midnight) Object.assign(spend, { midnight, endedUsd: 0 });
}

/** Puts another machine into a book. */
export function addMachine(book: ShadowBook, machine: LiveMachine): void {
  const { machines } = book;
  book.machines = [...machines, machine];
  carry(machines, book.machines, undefined, machine);
}

/** Puts a machine, with other facts, in the place of itself. */
export function replaceMachine(book: ShadowBook, machine: LiveMachine, next: LiveMachine): void {
  const { machines } = book;
  book.machines = machines.with(machines.indexOf(machine), next);
  carry(machines, book.machines, machine, next);
}

/** Has what was found out of a list be known of the next one: that list differs by one machine alone. */
function carry(...change: Parameters<typeof carryCensus>): void {
  carryCensus(...change);
  carryOverdue(...change);
}

const machineIn = <S extends LiveMachine["state"]>(book: ShadowBook, id: MachineId, state: S) =>
  book.machines.find((one): one is Extract<LiveMachine, { state: S }> => one.id === id && one.state === state);

/** Begins to stop an idle machine. @param stopMs how long that takes, in milliseconds */
export function stopMachine(book: ShadowBook, id: MachineId, stopMs: number): void {
  const machine = machineIn(book, id, "idle");
  if (machine === undefined) return;
  replaceMachine(book, machine, stoppingFrom(machine, book.at, costUntil(machine, book.at)));
  book.stopsAsked += 1;
  book.stops = [...book.stops, { id, stoppedAt: book.at + stopMs }];
}

/** Begins to start a stopped machine. @param startMs how long that takes, in milliseconds */
export function startMachine(book: ShadowBook, id: MachineId, startMs: number): void {
  const machine = machineIn(book, id, "stopped");
  if (machine === undefined) return;
  replaceMachine(book, machine, startingFrom(machine, book.at, costUntil(machine, book.at)));
  book.startsAsked += 1;
  book.boots = [...book.boots, { id, readyAt: book.at + startMs }];
}

/** Ends the boots, starts and stops of a book that are due by now. */
export function bringMachinesOn(book: ShadowBook): void {
  const { at } = book;
  if (!book.boots.some(({ readyAt }) => readyAt <= at) && !book.stops.some(({ stoppedAt }) => stoppedAt <= at)) return;
  for (const { id } of book.boots.filter(({ readyAt }) => readyAt <= at)) {
    const machine = book.machines.find((one) => one.id === id);
    if (machine?.state === "booting" || machine?.state === "starting")
      replaceMachine(book, machine, idleFrom(machine, NOWHERE, at));
  }
  for (const { id } of book.stops.filter(({ stoppedAt }) => stoppedAt <= at)) {
    const machine = machineIn(book, id, "stopping");
    if (machine !== undefined) replaceMachine(book, machine, stoppedFrom(machine, at, costUntil(machine, at)));
  }
  book.boots = book.boots.filter(({ readyAt }) => readyAt > at);
  book.stops = book.stops.filter(({ stoppedAt }) => stoppedAt > at);
}
