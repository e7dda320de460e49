import type { Command } from "commander";
import { leaseIdFrom } from "../domain/ids.ts";
import type { LeaseView } from "../ports/manager.ts";
import { connectManager } from "./connect.ts";
import { contextOf } from "./context.ts";
import type { CommandContext } from "./context.ts";
import { printFields, printJson, printTable } from "./output.ts";
import { RECONNECT_OPTION, reconnectFrom } from "./reconnect.ts";

/** Adds `mayfly lease`. */
export function addLeaseCommand(program: Command): void {
  const lease = program.command("lease").description("hold a machine by hand");
  lease
    .command("acquire")
    .requiredOption("--pool <name>", "the pool that the machine comes from")
    .option("--ttl <duration>", "the lease lapses, and its machine ends, unless renewed within this", "60s")
    .option("--wait <duration>", "how long to wait for a machine", "1h")
    .option(...RECONNECT_OPTION)
    .option("--holder <name>", "who holds it, for people", "command line")
    .description("wait for a machine and hold it")
    .action(async (options: AcquireOptions, command: Command) => {
      const context = contextOf(command);
      const [{ durationFrom }, { acquireLease }] = await Promise.all([import("./options.ts"), import("./acquire.ts")]);
      const request = {
        poolName: options.pool,
        holder: options.holder,
        ttlMs: durationFrom("--ttl", options.ttl),
        waitTimeoutMs: durationFrom("--wait", options.wait),
      };
      await printLease(context, await acquireLease(context, request, reconnectFrom(options.reconnect)));
    });
  lease
    .command("renew")
    .argument("<id>", "the lease")
    .description("hold it for another ttl from now")
    .action(async (id: string, _options: unknown, command: Command) => {
      const context = contextOf(command);
      await printLease(context, await (await connectManager(context)).renewLease(leaseIdFrom(id)));
    });
  lease
    .command("release")
    .argument("<id>", "the lease")
    .description("end it, and with it its machine")
    .action(async (id: string, _options: unknown, command: Command) => {
      const context = contextOf(command);
      await printLease(context, await (await connectManager(context)).releaseLease(leaseIdFrom(id)));
    });
  lease
    .command("list")
    .option("--all", "those that have ended too")
    .description("list the leases, oldest first, and why they wait")
    .action(async (options: { all?: boolean }, command: Command) => {
      await listLeases(contextOf(command), options.all === true);
    });
}

interface AcquireOptions {
  readonly pool: string;
  readonly ttl: string;
  readonly wait: string;
  readonly holder: string;
  readonly reconnect: string;
}

async function printLease(context: CommandContext, view: LeaseView): Promise<void> {
  if (context.isJson) return printJson(context, view);
  const { shownInstant } = await import("./shown.ts");
  const { lease, why } = view;
  await printFields(context, {
    lease: lease.id,
    state: lease.state,
    why,
    pool: lease.poolName,
    holder: lease.holder,
    machine: "machineId" in lease ? lease.machineId : undefined,
    expires: lease.state === "ended" ? undefined : shownInstant(lease.expiresAt),
    ended: lease.state === "ended" ? shownInstant(lease.endedAt) : undefined,
    outcome: lease.state === "ended" ? lease.outcome : undefined,
  });
}

async function listLeases(context: CommandContext, isAll: boolean): Promise<void> {
  const leases = await (await connectManager(context)).leases(isAll);
  if (context.isJson) return printJson(context, leases);
  const { shownInstant } = await import("./shown.ts");
  await printTable(
    context,
    ["lease", "pool", "holder", "state", "machine", "job", "since", "why"],
    leases.map(({ lease, why }) => [
      lease.id,
      lease.poolName,
      lease.holder,
      lease.state,
      "machineId" in lease ? lease.machineId : undefined,
      lease.jobId,
      shownInstant(
        lease.state === "held" ? lease.heldSince : lease.state === "ended" ? lease.endedAt : lease.createdAt,
      ),
      lease.state === "ended" ? lease.outcome : why,
    ]),
  );
}
