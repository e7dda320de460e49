import { awaitHeld } from "../api/awaitHeld.ts";
import type { LeaseId } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { Manager } from "../ports/manager.ts";
import { holdLease } from "./heldLease.ts";
import type { HeldLease } from "./heldLease.ts";

/** Longest wait for a machine unless said otherwise, in milliseconds. */
const WAIT_MS = 3_600_000;

/** Which machine, for whom, for how long. */
export interface AcquireOptions {
  /** The name of the pool that the machine comes from. */
  readonly pool: string;
  /** Who holds it, for people. */
  readonly holder: string;
  /** The machine ends when this program has not been heard from for so long, in milliseconds, ≥ 1,000. @default 60,000 */
  readonly ttlMs?: number | undefined;
  /** Longest wait for a machine, in milliseconds, > 0. @default 3,600,000 */
  readonly waitMs?: number | undefined;
  /** The higher goes first; equal ones in order of arrival. An integer. @default 0 */
  readonly priority?: number | undefined;
  /** Told in one sentence why it still waits, whenever that changes. */
  readonly onWait?: ((why: string) => void) | undefined;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

/** What acquiring needs of the world. */
export interface AcquireDeps {
  readonly manager: Manager;
  readonly clock: Clock;
}

/** Waits for a machine and holds it. Throws as `Mayfly.acquire` says. */
export async function acquire(deps: AcquireDeps, options: AcquireOptions): Promise<HeldLease> {
  const { pool: poolName, holder, ttlMs, waitMs: waitTimeoutMs = WAIT_MS, priority } = options;
  const { onWait = () => undefined, signal = never } = options;
  const { manager } = deps;
  signal.throwIfAborted();
  let id: LeaseId | undefined;
  try {
    const asked = await manager.acquireLease({ poolName, holder, ttlMs, waitTimeoutMs, priority });
    id = asked.lease.id;
    return holdLease(deps, await awaitHeld(manager, asked, waitTimeoutMs, onWait, signal));
  } catch (error) {
    // Nobody would renew it: it is given back now rather than left to lapse with a machine on it.
    if (id !== undefined) await manager.releaseLease(id).catch(() => undefined);
    throw error;
  }
}

const never = new AbortController().signal;
