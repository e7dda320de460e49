import type { Command } from "commander";
import { ConfigError } from "../domain/errors.ts";
import { connectManager } from "./connect.ts";
import { contextOf } from "./context.ts";
import { printPool, printPools } from "./poolOutput.ts";
import { addSteeringCommands } from "./poolSteering.ts";

/** Adds `mayfly pool`. */
export function addPoolCommand(program: Command): void {
  const pool = program.command("pool").description("see and steer pools of machines");
  pool
    .command("list")
    .description("list all pools")
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command);
      await printPools(context, await (await connectManager(context)).pools());
    });
  pool
    .command("show")
    .argument("<name>", "the pool")
    .option("--why", "why it keeps as many machines ready as it does, in numbers, and how that changed")
    .option("--shadow", "what the policies that are tried beside its own ([[pool.shadow]]) would have done")
    .option("--out <file>", "with --shadow: draw the levels, its own and theirs, as an SVG picture")
    .description("show one pool, and why it is as it is")
    .action(async (name: string, options: { why?: boolean; shadow?: boolean; out?: string }, command: Command) => {
      const context = contextOf(command);
      if (options.out !== undefined && options.shadow !== true)
        throw new ConfigError([{ place: "--out", message: "Expected --shadow beside it" }], "usage");
      if (options.shadow === true) {
        const { printPoolShadows } = await import("./poolShadows.ts");
        const shadows = await (await connectManager(context)).poolShadows(name);
        await printPoolShadows(context, shadows, options.out);
        return;
      }
      if (options.why === true) {
        const { printPoolWhy } = await import("./poolWhy.ts");
        await printPoolWhy(context, await (await connectManager(context)).poolWhy(name));
      } else await printPool(context, await (await connectManager(context)).pool(name));
    });
  addSteeringCommands(pool);
}
