import type { Command } from "commander";
import { machineIdFrom } from "../domain/ids.ts";
import type { Machine } from "../domain/machine.ts";
import { connectManager } from "./connect.ts";
import { contextOf } from "./context.ts";
import type { CommandContext } from "./context.ts";
import type { ReapOptions } from "./reap.ts";
import { printFields, printJson, printTable } from "./output.ts";

/** Adds `mayfly machine`. */
export function addMachineCommand(program: Command): void {
  const machine = program.command("machine").description("see machines, end one, end what nobody knows, look inside");
  machine
    .command("list")
    .option("--all", "those that are gone too")
    .description("list the machines, oldest first")
    .action(async (options: { all?: boolean }, command: Command) => {
      await listMachines(contextOf(command), options.all === true);
    });
  machine
    .command("show")
    .argument("<id>", "the machine")
    .description("show one machine")
    .action(async (id: string, _options: unknown, command: Command) => {
      const context = contextOf(command);
      await printMachine(context, await (await connectManager(context)).machine(machineIdFrom(id)));
    });
  machine
    .command("terminate")
    .argument("<id>", "the machine")
    .description("end one machine, whatever runs on it")
    .action(async (id: string, _options: unknown, command: Command) => {
      const context = contextOf(command);
      await printMachine(context, await (await connectManager(context)).terminateMachine(machineIdFrom(id)));
    });
  machine
    .command("reap")
    .option("--dry-run", "end nothing (the default)")
    .option("--yes", "end the strangers, now")
    .description(
      "list what the providers show under our tag, machines and what they left, say what each is, and end what nobody knows; works with the daemon, and without one on its state directory",
    )
    .action(async (options: ReapOptions, command: Command) => {
      const { reapInstances } = await import("./reap.ts");
      await reapInstances(options, contextOf(command));
    });
  machine
    .command("shell")
    .argument("<id>", "the machine")
    .argument("[command...]", "run this instead of a login shell, as in `-- ls /`")
    .passThroughOptions()
    .description("open a shell on a machine, or run one command there; ends with its exit code")
    .action(async (id: string, words: readonly string[], _options: unknown, command: Command) => {
      const context = contextOf(command);
      const { openShell } = await import("./shell.ts");
      // Commander leaves the `--` in when a word stood before it.
      const given = words[0] === "--" ? words.slice(1) : words;
      await openShell(context, await connectManager(context), machineIdFrom(id), given);
    });
}

async function listMachines(context: CommandContext, isAll: boolean): Promise<void> {
  const machines = await (await connectManager(context)).machines(isAll);
  if (context.isJson) return printJson(context, machines);
  const { isAnyPaid, shownInstant, shownUsd } = await import("./shown.ts");
  const isPaid = isAnyPaid(machines);
  await printTable(
    context,
    ["machine", "pool", "state", "since", "address", "lease", ...(isPaid ? ["cost"] : []), "why"],
    machines.map((machine) => [
      machine.id,
      machine.poolName,
      machine.isCordoned ? `${machine.state}, cordoned` : machine.state,
      shownInstant(sinceOf(machine)),
      addressOf(machine),
      "leaseId" in machine ? machine.leaseId : undefined,
      ...(isPaid ? [machine.costUsd === undefined ? undefined : shownUsd(machine.costUsd)] : []),
      "reason" in machine ? machine.reason : undefined,
    ]),
  );
}

async function printMachine(context: CommandContext, machine: Machine): Promise<void> {
  if (context.isJson) return printJson(context, machine);
  const { shownInstant, shownUsd } = await import("./shown.ts");
  const { price, costUsd } = machine;
  const soFar = machine.state === "terminated" ? "" : " so far";
  await printFields(context, {
    machine: machine.id,
    pool: machine.poolName,
    driver: machine.driver,
    state: machine.isCordoned ? `${machine.state}, cordoned` : machine.state,
    since: shownInstant(sinceOf(machine)),
    requested: shownInstant(machine.requestedAt),
    started: machine.startedAt === undefined ? undefined : shownInstant(machine.startedAt),
    ready: "readyAt" in machine && machine.readyAt !== undefined ? shownInstant(machine.readyAt) : undefined,
    "came up": cameUpFrom(machine),
    provider: "providerId" in machine ? machine.providerId : undefined,
    address: addressOf(machine),
    lease: "leaseId" in machine ? machine.leaseId : undefined,
    price: price === undefined ? undefined : `${shownUsd(price.usdPerHour)} an hour, by ${price.source}`,
    cost: costUsd === undefined ? undefined : `${shownUsd(costUsd)}${soFar}`,
    reason: "reason" in machine ? machine.reason : undefined,
    detail: "detail" in machine ? machine.detail : undefined,
  });
}

/** How a machine came up, and how long after its launch it was ready, where there are two ways and it was not stopped since. */
function cameUpFrom(machine: Machine): string | undefined {
  const { origin, startedAt } = machine;
  if (origin === undefined || startedAt !== undefined || !("readyAt" in machine)) return origin;
  const { readyAt, launchedAt } = machine;
  if (readyAt === undefined || launchedAt === undefined) return origin;
  return `${origin}, ready ${((readyAt - launchedAt) / 1000).toFixed(1)} s after its launch`;
}

function addressOf(machine: Machine): string | undefined {
  return "address" in machine ? `${machine.address.host}:${machine.address.port}` : undefined;
}

function sinceOf(machine: Machine): number {
  switch (machine.state) {
    case "requested":
      return machine.requestedAt;
    case "booting":
      return machine.launchedAt;
    case "idle":
      return machine.idleSince;
    case "stopping":
      return machine.stoppingSince;
    case "stopped":
      return machine.stoppedSince;
    case "starting":
      return machine.startingSince;
    case "leased":
      return machine.leasedAt;
    case "terminating":
      return machine.terminatingSince;
    case "terminated":
      return machine.terminatedAt;
  }
}
