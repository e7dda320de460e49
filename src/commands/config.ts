import type { Command } from "commander";
import type { ConfigEntry } from "../config/explain.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { DesiredPool } from "../domain/pool.ts";
import { addConfigDiffCommand } from "./configDiff.ts";
import { addConfigImportCommand } from "./configImport.ts";
import { addConfigReloadCommand } from "./configReload.ts";
import { contextOf } from "./context.ts";
import type { CommandContext } from "./context.ts";
import { printJson, writeAll } from "./output.ts";

/** Adds `mayfly config check`, `diff`, `import`, `reload` and `show`. */
export function addConfigCommand(program: Command): void {
  const config = program.command("config").description("check, show, compare, import and reload the configuration");
  config
    .command("check")
    .argument("[file]", "the file to check (else the config that mayfly would use)")
    .description("check a config; print every value with its origin, or every problem with its line")
    .action(async (file: string | undefined, _options: unknown, command: Command) => {
      const context = contextOf(command);
      const loaded = await context.loadConfig(file);
      await printConfig(context, loaded);
      for (const line of await heldNow(loaded.config.pools)) await writeAll(context.stderr, `mayfly: ${line}\n`);
      await writeAll(
        context.stderr,
        `mayfly: ${loaded.path ?? "no config file, all values are defaults"}: no problems\n`,
      );
    });
  addConfigImportCommand(config);
  addConfigReloadCommand(config);
  addConfigDiffCommand(config);
  config
    .command("show")
    .description("print every value of the config that mayfly would use, with its origin")
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command);
      await printConfig(context, await context.loadConfig());
    });
}

/** Says of every pool with a schedule which of its sections holds. */
async function heldNow(pools: readonly DesiredPool[]): Promise<string[]> {
  const [{ systemClock }, { describeSection }, { scheduleFrom }] = await Promise.all([
    import("../daemon/clock.ts"),
    import("../planning/schedule/describe.ts"),
    import("../planning/schedule/section.ts"),
  ]);
  const now = systemClock.now();
  return pools.flatMap(({ name, schedule = [] }) => {
    if (schedule.length === 0) return [];
    return [`pool ${name}: now ${describeSection(schedule, scheduleFrom(schedule).heldAt(now))}`];
  });
}

async function printConfig(context: CommandContext, { path, entries, config }: LoadedConfig): Promise<void> {
  if (!context.isJson) return writeAll(context.stdout, renderConfig(entries));
  const values = entries.map((entry) => ({ ...entry, path: undefined, key: keyFrom(entry) }));
  await printJson(context, { path: path ?? null, values, config });
}

/** Writes a config as TOML that reads back to itself, each value with its origin as a comment. */
export function renderConfig(entries: readonly ConfigEntry[]): string {
  const lines = entries.map(({ path, value, origin }) => ({
    table: path.slice(0, -1),
    text: `${tomlKey(path.at(-1))} = ${tomlValue(value)}`,
    origin,
  }));
  const width = Math.max(...lines.map(({ text }) => text.length));
  let output = "";
  let lastTable = "[]";
  for (const { table, text, origin } of lines) {
    if (JSON.stringify(table) !== lastTable) output += `\n${headerFrom(table)}\n`;
    lastTable = JSON.stringify(table);
    output += `${text.padEnd(width)}  # ${origin}\n`;
  }
  return output;
}

const tomlValue = (value: ConfigEntry["value"]): string =>
  Array.isArray(value) ? `[${value.map((item) => JSON.stringify(item)).join(", ")}]` : JSON.stringify(value);

/** A name with a dot, such as an instance type's, would be two keys without quotes. */
const tomlKey = (key: ConfigEntry["path"][number] = ""): string =>
  /^[A-Za-z0-9_-]+$/.test(String(key)) ? String(key) : JSON.stringify(key);

function headerFrom(table: ConfigEntry["path"]): string {
  const name = table.filter((key) => typeof key === "string").join(".");
  return typeof table.at(-1) === "number" ? `[[${name}]]` : `[${name}]`;
}

const keyFrom = ({ path }: ConfigEntry): string =>
  path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`))
    .join("")
    .replace(/^\./, "");
