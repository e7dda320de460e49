import type { GuestSettings } from "../../domain/pool.ts";
import { steerPool } from "../../pool/control.ts";
import { retireMachine } from "../../pool/terminate.ts";
import type { FaultKind } from "../faults/kinds.ts";
import { ask } from "./frontDoor.ts";
import type { World } from "./world.ts";

// What an operator does in the middle of a day.

/** Counts a fault that has struck, and notes whom. */
export function struck(world: World, kind: FaultKind, about: string): void {
  world.faults.count(kind);
  world.journal.note(about, `fault: ${kind}`);
}

export function changeLimits(world: World, isLower: boolean, value: number): void {
  const { pools, maxMachines } = world.desired;
  const chosen = Math.floor(value * pools.length);
  const factor = isLower ? 0.5 : 2;
  world.desired = {
    maxMachines,
    pools: pools.map((pool, index) => {
      const most = Math.max(1, Math.round(pool.maxMachines * factor));
      return index === chosen ? { ...pool, maxMachines: most, idleCount: Math.min(most, pool.idleCount) } : pool;
    }),
  };
  struck(world, "limits-changed", pools[chosen]?.name ?? "");
}

/** Has a pool make its machines otherwise from now on, or again as it did before. */
export function reshapePool(world: World, value: number): void {
  const { pools, maxMachines } = world.desired;
  const chosen = Math.floor(value * pools.length);
  world.desired = {
    maxMachines,
    pools: pools.map((pool, index) =>
      index === chosen ? { ...pool, guest: { ...pool.guest, dataRoot: nextDataRoot(pool.guest) } } : pool,
    ),
  };
  struck(world, "pool-reshaped", pools[chosen]?.name ?? "");
}

const nextDataRoot = ({ dataRoot }: GuestSettings): string => (dataRoot === "/data" ? "/var/lib/docker" : "/data");

export function removePool(world: World, value: number, forMs: number): void {
  const removed = world.desired.pools[Math.floor(value * world.desired.pools.length)];
  if (removed === undefined) return;
  const { maxMachines } = world.desired;
  world.desired = { maxMachines, pools: world.desired.pools.filter((pool) => pool !== removed) };
  struck(world, "pool-removed", removed.name);
  world.clock.schedule(forMs, () => {
    if (world.desired.pools.some(({ name }) => name === removed.name)) return;
    world.desired = { maxMachines, pools: [...world.desired.pools, removed] };
    world.journal.note(removed.name, "pool is back");
  });
}

export function steer(world: World, kind: "pool-cordoned" | "pool-drained", value: number, forMs: number): void {
  const pool = world.desired.pools[Math.floor(value * world.desired.pools.length)];
  if (pool === undefined || world.manager === undefined) return;
  struck(world, kind, pool.name);
  const to = kind === "pool-cordoned" ? "cordoned" : "draining";
  ignore(ask(world, ({ fleet }) => steerPool(fleet, pool.name, to)));
  world.clock.schedule(forMs, () => ignore(ask(world, ({ fleet }) => steerPool(fleet, pool.name, "open"))));
}

export function endMachine(world: World, value: number): void {
  const live = [...world.truth.liveMachines.values()];
  const machine = live[Math.floor(value * live.length)];
  if (machine === undefined || world.manager === undefined) return;
  world.truth.machine(machine.id).isEndedByOperator = true;
  struck(world, "machine-ended", machine.id);
  ignore(ask(world, ({ fleet }) => retireMachine(fleet, machine.id, "operator", "the operator asked for it")));
}

/** The operator tries once; what becomes of it, the truth shows. */
const ignore = (asked: Promise<unknown>): void => void asked.catch(() => undefined);
