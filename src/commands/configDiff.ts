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
      const { path, config: wished } = await context.loadConfig(file);
      if (path === undefined)
        throw new ConfigError([{ place: "[file]", message: "Expected a config file, there is none" }]);
      const fileName = shownPath(context.cwd, path);
      const manager = await connectManager(context);
      const diff = await manager.diffConfig(await readConfigText(path, fileName), fileName);
      const { expectPools, printExpected } = await import("./configExpected.ts");
      const inForce = diff.pools.length === 0 ? [] : await manager.pools();
      const pools = wished.pools
        .filter(({ name }) => diff.pools.some(({ poolName }) => poolName === name))
        .map((after) => ({ before: inForce.find(({ desired }) => desired.name === after.name)?.desired, after }));
      const expected = await expectPools(context, pools);
      if (context.isJson) await printJson(context, { ...diff, expected });
      else {
        await printDiff(context, diff);
        await printExpected(context, expected);
      }
      context.setExitCode(exitCodeFrom(diff));
    });
}

function exitCodeFrom({ changes, needsRestart }: ConfigDiff): number {
  if (needsRestart.length > 0) return EXIT.usage;
  return changes.length > 0 ? EXIT.jobFailed : EXIT.done;
}

async function printDiff(context: CommandContext, diff: ConfigDiff): Promise<void> {
  const { changes, needsRestart, pools, overall } = diff;
  const { stdout, stderr } = context;
  for (const change of changes) await writeAll(stdout, `${changeText(change)}\n`);
  if (changes.length === 0) return writeAll(stderr, "mayfly: the file says what is in force\n");
  if (pools.length > 0) {
    await writeAll(stdout, "\n");
    const isAimed = pools.some(({ levelBefore, levelAfter }) => (levelBefore ?? levelAfter) !== undefined);
    const head = ["POOL", "LAUNCHED", "RETIRED", "FINISH THEIR JOBS", "IDLE A DAY", "BEFORE"];
    const rows = pools.map((pool) => [
      ...[pool.poolName, pool.launched, pool.retired, pool.finishing],
      ...[usd(pool.idleUsdPerDayAfter), usd(pool.idleUsdPerDayBefore)],
      ...(isAimed ? [pool.levelAfter, pool.levelBefore] : []),
    ]);
    await printTable(context, isAimed ? [...head, "TARGET NOW", "BEFORE"] : head, rows);
    for (const { poolName, budget } of pools)
      if (budget !== undefined) await writeAll(stdout, `pool ${poolName}: ${budget}\n`);
  }
  if (overall !== undefined) await writeAll(stdout, `${overallText(overall)}\n`);
  if (needsRestart.length > 0) {
    const keys = needsRestart.map((key) => `\`${key}\``).join(", ");
    await writeAll(stderr, `mayfly: ${keys} takes a restart of the daemon, which refuses the whole file until then\n`);
  }
}

function overallText({ machines, before, after }: NonNullable<ConfigDiff["overall"]>): string {
  const there = `max_machines over all pools ${before} → ${after}, ${machines} machines are there`;
  if (machines <= after) return there;
  return `${there}: none is ended for it, and none launched before ${machines - after} of them are gone`;
}

const usd = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : `$${value.toFixed(2)}`;
