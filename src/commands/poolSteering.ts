import type { Command } from "commander";
import { ConfigError } from "../domain/errors.ts";
import type { Manager, PoolView } from "../ports/manager.ts";
import { connectManager } from "./connect.ts";
import { contextOf } from "./context.ts";
import type { CommandContext } from "./context.ts";
import { writeAll } from "./output.ts";
import { printPool, printPools } from "./poolOutput.ts";

type Verb = "cordon" | "drain" | "resume";

interface SteeringOptions {
  readonly all?: boolean;
  readonly wait?: boolean;
  readonly timeout?: string;
}

const WORDS: Readonly<Record<Verb, string>> = {
  cordon: "give no new leases and launch nothing; machines stay, and what runs goes on; remembered over restarts",
  drain: "cordon, terminate the idle machines, and the leased ones when their leases end; remembered over restarts",
  resume: "open a cordoned or drained pool again",
};

/** Adds `mayfly pool cordon`, `drain` and `resume`. */
export function addSteeringCommands(pool: Command): void {
  for (const verb of ["cordon", "drain", "resume"] as const) {
    const command = pool
      .command(verb)
      .argument("[name]", "the pool")
      .option("--all", "all pools at once, beside what each was told by itself")
      .description(WORDS[verb])
      .action((name: string | undefined, options: SteeringOptions, self: Command) =>
        steerPools(verb, name, options, contextOf(self)),
      );
    if (verb !== "drain") continue;
    command
      .option("--wait", "until no machine is left, saying what is waited for")
      .option("--timeout <duration>", "with --wait: how long; ends with 3 then, and the draining goes on", "1h");
  }
}

async function steerPools(
  verb: Verb,
  name: string | undefined,
  { all = false, wait = false, timeout = "1h" }: SteeringOptions,
  context: CommandContext,
): Promise<void> {
  if (all === (name !== undefined)) {
    const got = all ? "both" : "neither";
    throw new ConfigError([{ place: `pool ${verb}`, message: `Expected a pool's name or --all, got ${got}` }], "usage");
  }
  const { durationFrom } = await import("./options.ts");
  const timeoutMs = durationFrom("--timeout", timeout);
  const manager = await connectManager(context);
  const views = name === undefined ? await steerAll(manager, verb) : [await steerOne(manager, verb, name)];
  if (wait) await waitUntilEmpty(manager, views, timeoutMs, context);
  const now = wait ? await Promise.all(views.map(({ desired }) => manager.pool(desired.name))) : views;
  const [only] = now;
  if (name === undefined || only === undefined) return printPools(context, now);
  return printPool(context, only);
}

function steerOne(manager: Manager, verb: Verb, name: string): Promise<PoolView> {
  switch (verb) {
    case "cordon":
      return manager.cordonPool(name);
    case "drain":
      return manager.drainPool(name);
    case "resume":
      return manager.resumePool(name);
  }
}

function steerAll(manager: Manager, verb: Verb): Promise<readonly PoolView[]> {
  switch (verb) {
    case "cordon":
      return manager.cordonAll();
    case "drain":
      return manager.drainAll();
    case "resume":
      return manager.resumeAll();
  }
}

async function waitUntilEmpty(
  manager: Manager,
  views: readonly PoolView[],
  timeoutMs: number,
  { stderr }: CommandContext,
): Promise<void> {
  const [{ withInterrupts }, { systemClock }, { awaitEmptyPools }] = await Promise.all([
    import("./interrupts.ts"),
    import("../daemon/clock.ts"),
    import("./awaitEmptyPools.ts"),
  ]);
  return withInterrupts(async ({ first }) => {
    const names = views.map(({ desired }) => desired.name);
    const tell = (text: string): Promise<void> => writeAll(stderr, `mayfly: ${text}\n`);
    await awaitEmptyPools(manager, names, timeoutMs, tell, systemClock, first);
  });
}
