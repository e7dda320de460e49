import { systemClock } from "../../daemon/clock.ts";
import { ConfigError } from "../../domain/errors.ts";
import { readStoredHistory } from "../../store/history.ts";
import { traceFromLeases } from "../../traces/history.ts";
import { connectManager } from "../connect.ts";
import type { CommandContext } from "../context.ts";
import { mayflyVersion } from "../version.ts";
import type { PlanInput } from "./input.ts";

/**
 * Reads the jobs that a pool has served: out of the state directory, whose store remembers most, or from the daemon where a socket
 * was named or there is no such directory. @throws ConfigError when there was no job.
 */
export async function readOwnHistory(poolName: string, context: CommandContext): Promise<PlanInput> {
  const { stateDir } = (await context.loadConfig()).config;
  const stored = context.isSocketNamed ? undefined : readStoredHistory(stateDir, `mayfly ${mayflyVersion()}`);
  const [source, { leases, machines }] =
    stored === undefined
      ? (["what the daemon remembers", await askDaemon(context)] as const)
      : ([`the history in ${stateDir}`, stored] as const);
  const trace = traceFromLeases(leases, machines, poolName, systemClock.now());
  if (trace.arrivals.readyAt.length > 0) return { source: `${source}, pool ${poolName}`, ...trace };
  throw new ConfigError(
    [{ place: "--history", message: `Expected jobs of pool "${poolName}", ${source} has none` }],
    "usage",
  );
}

async function askDaemon(context: CommandContext) {
  const manager = await connectManager(context);
  const [leases, machines] = await Promise.all([manager.leases(true), manager.machines(true)]);
  return { leases: leases.map(({ lease }) => lease), machines };
}
