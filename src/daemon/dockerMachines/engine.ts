import { request as httpRequest } from "node:http";
import type { Duplex } from "node:stream";
import { MachineLostError } from "../../domain/errors.ts";
import type { LeaseId } from "../../domain/ids.ts";
import { withDeadline, withHardDeadline } from "../../ports/deadline.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Manager } from "../../ports/manager.ts";

/** After a restart of the manager, its machines are reached again one by one. */
const REACH_MS = 60_000;
const PAUSE_MS = 250;
/** How long an engine may take to say that it is there. */
const PING_MS = 20_000;

export interface EngineDeps {
  readonly manager: Pick<Manager, "forwardEngine" | "awaitLease">;
  readonly clock: Clock;
}

/**
 * Opens a stream to the engine of a leased machine. One whose channel is not back yet after a restart of the manager is waited
 * for. @throws MachineLostError, NotFoundError when the lease has ended; the signal's reason when it aborts.
 */
export function openEngine({ manager, clock }: EngineDeps, leaseId: LeaseId, signal: AbortSignal): Promise<Duplex> {
  let last: MachineLostError | undefined;
  const late = (): Error => last ?? new MachineLostError("engine-unreachable", "the machine was not reached in time");
  return withDeadline(clock, REACH_MS, late, signal, async (bounded) => {
    for (;;) {
      try {
        // The stream outlives the wait for it.
        return await manager.forwardEngine(leaseId, signal);
      } catch (error) {
        if (!(error instanceof MachineLostError)) throw error;
        last = error;
        const { lease } = await manager.awaitLease(leaseId, 0, undefined, bounded);
        if (lease.state !== "held") throw error;
      }
      await clock.sleep(PAUSE_MS, bounded);
    }
  });
}

/** Asks an engine whether it is there. @throws MachineLostError `engine-unreachable` when it does not say so in time. */
export async function pingEngine(deps: EngineDeps, leaseId: LeaseId, signal: AbortSignal): Promise<void> {
  const late = (): Error =>
    new MachineLostError("engine-unreachable", `the engine of the machine did not answer within ${PING_MS / 1000} s`);
  await withHardDeadline(deps.clock, PING_MS, late, signal, async (bounded) => {
    const stream = await openEngine(deps, leaseId, bounded);
    try {
      const status = await statusOf(stream, bounded);
      if (status === 200) return;
      throw new MachineLostError("engine-unreachable", `the engine of the machine answered with ${status}`);
    } finally {
      stream.destroy();
    }
  });
}

function statusOf(stream: Duplex, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (): void =>
      reject(
        signal.aborted
          ? signal.reason
          : new MachineLostError("engine-unreachable", "the connection to the engine of the machine broke"),
      );
    stream.on("error", fail);
    stream.on("close", fail);
    const request = httpRequest({
      createConnection: () => stream,
      path: "/_ping",
      headers: { host: "docker", connection: "close" },
      signal,
    });
    request.on("error", fail);
    request.on("response", (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.end();
  });
}
