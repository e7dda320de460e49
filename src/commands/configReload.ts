import type { Command } from "commander";
import { changeText } from "../domain/configChange.ts";
import { connectManager } from "./connect.ts";
import { contextOf } from "./context.ts";
import { printJson, writeAll } from "./output.ts";

/** Adds `mayfly config reload`. */
export function addConfigReloadCommand(config: Command): void {
  config
    .command("reload")
    .description("have the running daemon read its config file again, and print what has changed by it")
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command);
      const reloaded = await (await connectManager(context)).reloadConfig();
      if (context.isJson) return printJson(context, reloaded);
      for (const change of reloaded.changes) await writeAll(context.stdout, `${changeText(change)}\n`);
      if (reloaded.changes.length === 0) await writeAll(context.stderr, "mayfly: nothing has changed\n");
    });
}
