import { ConfigError, SystemError } from "../domain/errors.ts";
import type { InstanceView, Manager } from "../ports/manager.ts";
import { connectManager } from "./connect.ts";
import type { CommandContext } from "./context.ts";
import { EXIT } from "./exit.ts";
import { withInterrupts } from "./interrupts.ts";
import { printJson, printTable, writeAll } from "./output.ts";
import { mayflyVersion } from "./version.ts";

export interface ReapOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

type Auditor = Pick<Manager, "auditInstances" | "reapStrangers">;

/** Shows what bears our tag at the providers, and with `yes` ends what nobody knows; exit code 3 when some of it could not be ended. */
export async function reapInstances(
  { dryRun = false, yes = false }: ReapOptions,
  context: CommandContext,
): Promise<void> {
  if (dryRun && yes)
    throw new ConfigError([{ place: "machine reap", message: "Expected --dry-run or --yes, got both" }]);
  const views = await withInterrupts(({ first }) =>
    withAuditor(context, (auditor) => (yes ? auditor.reapStrangers(first) : auditor.auditInstances(first))),
  );
  await print(views, context);
  const strangers = views.filter(({ verdict }) => verdict === "stranger");
  if (yes && strangers.some(({ outcome }) => outcome !== "ended")) context.setExitCode(EXIT.system);
  if (yes || strangers.length === 0) return;
  const count = strangers.length === 1 ? "1 stranger" : `${strangers.length} strangers`;
  await writeAll(context.stderr, `mayfly: nothing was ended; \`mayfly machine reap --yes\` ends ${count}\n`);
}

/** Asks the daemon, or without one opens the state directory for as long as it takes. */
async function withAuditor<T>(context: CommandContext, use: (auditor: Auditor) => Promise<T>): Promise<T> {
  const daemon = await connectManager(context);
  try {
    await daemon.health();
  } catch (error) {
    if (context.isSocketNamed || !(error instanceof SystemError && error.code === "no-daemon")) throw error;
    return withSweeper(context, use);
  }
  return use(daemon);
}

async function withSweeper<T>(context: CommandContext, use: (auditor: Auditor) => Promise<T>): Promise<T> {
  const { openSweeper } = await import("../daemon/sweep.ts");
  const { createLogger } = await import("../daemon/logger.ts");
  const { config } = await context.loadConfig();
  const sweeper = await openSweeper(config, mayflyVersion(), createLogger("error", context.stderr));
  try {
    return await use(sweeper);
  } finally {
    await sweeper.close();
  }
}

async function print(views: readonly InstanceView[], context: CommandContext): Promise<void> {
  if (context.isJson) return printJson(context, views);
  const { shownInstant } = await import("./shown.ts");
  await printTable(
    context,
    ["instance", "driver", "machine", "pool", "since", "state", "verdict", "what", "outcome"],
    views.map(({ providerId, driver, machineId, poolName, launchedAt, state, verdict, what, outcome }) => [
      ...[providerId, driver, machineId, poolName],
      launchedAt === undefined ? undefined : shownInstant(launchedAt),
      ...[state, verdict, what, outcome],
    ]),
  );
}
