import type { Command } from "commander";
import { changeText } from "../domain/configChange.ts";
import { ConfigError } from "../domain/errors.ts";
import type { ConfigDiff } from "../ports/manager.ts";
import { connectManager } from "./connect.ts";
import { contextOf } from "./context.ts";
import type { CommandContext } from "./context.ts";
import { EXIT } from "./exit.ts";
import { printJson, printTable, writeAll } from "./output.ts";

const HELP = `
Exit codes:
  0  the file says what is in force
  1  it differs, and the daemon can apply it
  2  it is broken, or changes what takes a restart of the daemon
  3  no daemon runs
`;

/** Adds `mayfly config diff`. */
export function addConfigDiffCommand(config: Command): void {
  config
    .command("diff")
    .argument("[file]", "the file to compare (else the config that mayfly would use)")
    .description("say what a file would change of what the running daemon has in force, and what that would do")
    .addHelpText("after", HELP)
    .action(async (file: string | undefined, _options: unknown, command: Command) => {
      const context = contextOf(command);
      const { readConfigText, shownPath } = await import("../config/load.ts");
      const { path } = await context.loadConfig(file);
      if (path === undefined)
        throw new ConfigError([{ place: "[file]", message: "Expected a config file, there is none" }]);
      const fileName = shownPath(context.cwd, path);
      const diff = await (await connectManager(context)).diffConfig(await readConfigText(path, fileName), fileName);
      if (context.isJson) await printJson(context, diff);
      else await printDiff(context, diff);
      context.setExitCode(exitCodeFrom(diff));
    });
}

function exitCodeFrom({ changes, needsRestart }: ConfigDiff): number {
  if (needsRestart.length > 0) return EXIT.usage;
  return changes.length > 0 ? EXIT.jobFailed : EXIT.done;
}

async function printDiff(context: CommandContext, { changes, needsRestart, pools }: ConfigDiff): Promise<void> {
  const { stdout, stderr } = context;
  for (const change of changes) await writeAll(stdout, `${changeText(change)}\n`);
  if (changes.length === 0) return writeAll(stderr, "mayfly: the file says what is in force\n");
  if (pools.length > 0) {
    await writeAll(stdout, "\n");
    const head = ["POOL", "LAUNCHED", "RETIRED", "FINISH THEIR JOBS", "IDLE A DAY", "BEFORE"];
    const rows = pools.map((pool) => [
      ...[pool.poolName, pool.launched, pool.retired, pool.finishing],
      ...[usd(pool.idleUsdPerDayAfter), usd(pool.idleUsdPerDayBefore)],
    ]);
    await printTable(context, head, rows);
  }
  if (needsRestart.length > 0) {
    const keys = needsRestart.map((key) => `\`${key}\``).join(", ");
    await writeAll(stderr, `mayfly: ${keys} takes a restart of the daemon, which refuses the whole file until then\n`);
  }
}

const usd = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : `$${value.toFixed(2)}`;
