import type { Command } from "commander";
import type { Manager, PoolView } from "../ports/manager.ts";
import { connectManager } from "./connect.ts";
import { contextOf } from "./context.ts";
import type { CommandContext } from "./context.ts";
import { printFields, printJson, printTable } from "./output.ts";

/** Adds `mayfly pool`. */
export function addPoolCommand(program: Command): void {
  const pool = program.command("pool").description("see and steer pools of machines");
  pool
    .command("list")
    .description("list all pools")
    .action(async (_options: unknown, command: Command) => listPools(contextOf(command)));
  pool
    .command("show")
    .argument("<name>", "the pool")
    .description("show one pool, and why it is as it is")
    .action(async (name: string, _options: unknown, command: Command) => {
      await printPool(contextOf(command), (manager) => manager.pool(name));
    });
  pool
    .command("cordon")
    .argument("<name>", "the pool")
    .description("give no new leases; what runs goes on")
    .action(async (name: string, _options: unknown, command: Command) => {
      await printPool(contextOf(command), (manager) => manager.cordonPool(name));
    });
  pool
    .command("drain")
    .argument("<name>", "the pool")
    .description("cordon, let leases end, terminate the idle machines")
    .action(async (name: string, _options: unknown, command: Command) => {
      await printPool(contextOf(command), (manager) => manager.drainPool(name));
    });
  pool
    .command("resume")
    .argument("<name>", "the pool")
    .description("open a cordoned or drained pool again")
    .action(async (name: string, _options: unknown, command: Command) => {
      await printPool(contextOf(command), (manager) => manager.resumePool(name));
    });
}

async function listPools(context: CommandContext): Promise<void> {
  const pools = await (await connectManager(context)).pools();
  if (context.isJson) return printJson(context, pools);
  await printTable(
    context,
    ["pool", "driver", "max", "booting", "idle", "leased", "ending", "waiting", "open", "why"],
    pools.map(({ desired, isCordoned, machines, waitingLeases, why }) => [
      desired.name,
      desired.shape.driver,
      desired.maxMachines,
      machines.requested + machines.booting,
      `${machines.idle}/${desired.idleCount}`,
      machines.leased,
      machines.terminating,
      waitingLeases,
      isCordoned ? "no" : "yes",
      why,
    ]),
  );
}

async function printPool(context: CommandContext, ask: (manager: Manager) => Promise<PoolView>): Promise<void> {
  const view = await ask(await connectManager(context));
  if (context.isJson) return printJson(context, view);
  const { shownDuration } = await import("./shown.ts");
  const { desired, isCordoned, machines, waitingLeases, why } = view;
  await printFields(context, {
    pool: desired.name,
    why,
    open: isCordoned ? "no: gives no new leases" : "yes",
    machines: Object.entries(machines)
      .filter(([, count]) => count > 0)
      .map(([state, count]) => `${count} ${state}`)
      .join(", "),
    "waiting leases": waitingLeases,
    "max machines": desired.maxMachines,
    "idle count": desired.idleCount,
    "idle time": shownDuration(desired.idleTimeMs),
    "max growth rate": desired.maxGrowthRate,
    "max age": shownDuration(desired.maxAgeMs),
    "boot timeout": shownDuration(desired.bootTimeoutMs),
    "job timeout": shownDuration(desired.jobTimeoutMs),
    "orphan timeout": shownDuration(desired.orphanTimeoutMs),
    docker: desired.guest.docker,
    "registry mirror": desired.guest.registryMirror,
    shape: Object.entries(desired.shape)
      .map(([key, value]) => `${key} ${value}`)
      .join(", "),
  });
}
