import type { EpochMs } from "../../domain/ids.ts";
import type { LiveMachine, Machine } from "../../domain/machine.ts";
import { bootQuantile, observeBoot } from "../../planning/capacity/target/bootTimes.ts";
import type { BootTimes } from "../../planning/capacity/target/bootTimes.ts";
import type { Fleet } from "../fleet.ts";

/** What a boot is taken to last until it was measured. */
const ASSUMED_BOOT_MS = 60_000;
/** Plans go by the boot time that so many of the boots do not pass. */
const PLANNED_SHARE = 0.9;

/** How long boots of a pool took, from the order to the ready machine. */
export interface PoolBoots {
  times: BootTimes;
  /** What boots took, in milliseconds, that failed since the last that did not: who waits for a machine waits for both. */
  failedMs: number;
  /** How long the last starts of stopped machines took, and the last stops, in milliseconds, oldest first. @default none was measured */
  startsMs?: readonly number[] | undefined;
  stopsMs?: readonly number[] | undefined;
}

/** Starts, and stops, that are remembered: as many as boots. */
const KEPT = 200;

/** Boots of which nothing is known. */
export const createBoots = (): PoolBoots => ({ times: { tookMs: [] }, failedMs: 0 });

/** Takes note of a machine that came up, or did not, or was stopped. */
export function noteBoot(boots: PoolBoots, machine: Machine, before: LiveMachine | undefined, now: EpochMs): void {
  if (before?.state === "starting" && machine.state === "idle")
    boots.startsMs = withNewest(boots.startsMs, now - before.startingSince);
  if (before?.state === "stopping" && machine.state === "stopped")
    boots.stopsMs = withNewest(boots.stopsMs, now - before.stoppingSince);
  if (before?.state !== "booting") return;
  const tookMs = now - machine.requestedAt;
  if (machine.state === "idle") {
    boots.times = observeBoot(boots.times, boots.failedMs + tookMs);
    boots.failedMs = 0;
  } else if (machine.state === "terminating" && (machine.reason === "boot-failed" || machine.reason === "boot-timeout"))
    boots.failedMs += tookMs;
}

const withNewest = (known: readonly number[] = [], ms: number): readonly number[] => [...known.slice(1 - KEPT), ms];

/** The boot time that is planned with, in milliseconds, > 0. */
export const plannedBootMs = ({ times }: PoolBoots): number =>
  Math.max(1, bootQuantile(times, PLANNED_SHARE, ASSUMED_BOOT_MS));

/** The boot time that is planned with in a pool. */
export const bootMsOf = (fleet: Fleet, poolName: string): number => plannedBootMs(fleet.planners.bootsOf(poolName));
