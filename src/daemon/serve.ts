import { startApiServer } from "../api/server.ts";
import type { ListenConfig } from "../config/listen.ts";
import type { LiveMachine } from "../domain/machine.ts";
import { aborted, withDeadline } from "../ports/deadline.ts";
import type { RunningManager } from "./compose.ts";
import { serveMetrics } from "./metrics/serve.ts";
import type { MetricsServer } from "./metrics/serve.ts";
import { drainManager } from "./stop.ts";
import type { DrainDeps, DrainOrders, DrainOutcome } from "./stop.ts";

/** How long jobs that are cancelled when the stop timeout is over may take to their ends, after_script included. */
const CANCEL_MS = 60_000;

export interface ServeOptions extends Omit<DrainDeps, "stopTimeoutMs"> {
  readonly socketPath: string;
  /** Where the API is served over TLS too. */
  readonly tcp?: ListenConfig | undefined;
  /** Where `/metrics` is served to scrapers. @default at the API's alone */
  readonly metricsAt?: { readonly host: string; readonly port: number } | undefined;
  readonly version: string;
}

export interface StopSignals extends DrainOrders {
  /** Drains and ends the manager. */
  readonly stop: AbortSignal;
}

/**
 * Serves a manager at its socket until it is told to stop or to hand over, and lets go of it. It answers while it stops, so
 * that front doors hear how their jobs end. Resolves with the machines that could not be ended, which are the next manager's.
 */
export async function serveManager(
  running: RunningManager,
  options: ServeOptions,
  signals: StopSignals,
): Promise<readonly LiveMachine[]> {
  const outcome = await serveUntilStopped(running, options, signals).catch(async (error: unknown) => {
    // Nobody can reach it: what it found is better off with the next one.
    await running.handOver();
    throw error;
  });
  if (outcome !== "handed-over") return running.close(signals.hurry);
  await running.handOver();
  return [];
}

async function serveUntilStopped(
  running: RunningManager,
  { socketPath, tcp, metricsAt, version, ...deps }: ServeOptions,
  signals: StopSignals,
): Promise<DrainOutcome> {
  const { logger, clock } = deps;
  const { stop, hurry, handOver } = signals;
  const server = await startApiServer({ ...running, socketPath, tcp, logger, version });
  let scraped: MetricsServer | undefined;
  try {
    if (metricsAt !== undefined) scraped = await serveMetrics(running.metrics, metricsAt);
    logger.info({ socketPath, port: server.port, metricsPort: scraped?.port }, "manager is ready");
    await aborted(AbortSignal.any([stop, handOver]));
    const outcome = stop.aborted
      ? await drainManager(running, { ...deps, stopTimeoutMs: running.stopTimeoutMs() }, signals)
      : "handed-over";
    if (outcome !== "handed-over") {
      const late = (): Error => new Error("cancelled jobs took too long");
      const end = (force: AbortSignal) => running.endAll(force);
      await withDeadline(clock, outcome === "late" ? CANCEL_MS : 0, late, hurry, end);
      if (!hurry.aborted) await server.settle(clock);
    }
    return outcome;
  } finally {
    // First of all: what is being created as this one leaves is the next one's, not given back.
    await running.dockerMachines?.close();
    await scraped?.close();
    await server.close();
  }
}
