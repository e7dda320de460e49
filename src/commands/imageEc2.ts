import type { Config } from "../config/config.ts";
import { systemClock } from "../daemon/clock.ts";
import { createLogger } from "../daemon/logger.ts";
import { systemRandom } from "../daemon/random.ts";
import { ConfigError } from "../domain/errors.ts";
import type { DesiredPool } from "../domain/pool.ts";
import type { Ec2Shape } from "../domain/shape.ts";
import { buildAmi } from "../drivers/ec2/image/build.ts";
import type { AmiOptions, BuiltAmi } from "../drivers/ec2/image/build.ts";
import { listAmis, removeAmis } from "../drivers/ec2/image/list.ts";
import { readRecipe } from "../drivers/ec2/image/recipe.ts";
import type { Ec2Deps, Ec2Options } from "../drivers/ec2/options.ts";
import { forgetIdentity } from "../guest/forget.ts";
import { createGuest } from "../guest/guest.ts";
import type { CommandContext } from "./context.ts";
import { withInterrupts } from "./interrupts.ts";
import { printJson, printTable, writeAll } from "./output.ts";
import { createProgressDisplay } from "./progress/display.ts";
import { shownInstant } from "./shown.ts";

export interface Ec2BuildOptions {
  readonly pool?: string | undefined;
  readonly name?: string | undefined;
  readonly base?: string | undefined;
  readonly keep: number;
  readonly force: boolean;
}

type Ec2Pool = DesiredPool & { readonly shape: Ec2Shape };

/** Builds a prepared image for a pool and prints the lines of the config that have machines start from it. */
export async function buildEc2Image(options: Ec2BuildOptions, context: CommandContext): Promise<void> {
  const { config } = await context.loadConfig();
  const pool = poolOf(config, options.pool);
  const deps = depsOf(context);
  const progress = createProgressDisplay(context.stderr, deps.clock.now);
  const guest = createGuest(deps);
  const amiOptions: AmiOptions = {
    ...{ owner: config.name, pool, name: options.name ?? pool.name, baseAmi: options.base, keep: options.keep },
    ...{ isForced: options.force, inUse: amisOf(config), progress },
  };
  const amiDeps = { ...deps, guest, readRecipe, forgetIdentity: forgetOn(deps) };
  try {
    const built = await withInterrupts(({ first: signal, second: hurry }) =>
      buildAmi(amiOptions, amiDeps, { signal, hurry }),
    );
    await printBuilt(built, pool, context);
  } finally {
    progress.close();
  }
}

/** Prints the prepared images at all sites of the pools. */
export async function listEc2Images(context: CommandContext): Promise<void> {
  const { config } = await context.loadConfig();
  const images = await withInterrupts(({ first }) => listAmis(sitesOf(config), depsOf(context), first));
  if (context.isJson) return printJson(context, images);
  await printTable(
    context,
    ["image", "name", "region", "built", "state", "from", "pools"],
    images.map(({ amiId, name, region, createdAt, state, baseAmi }) => [
      ...[amiId, name, region, shownInstant(createdAt), state, baseAmi],
      poolsFrom(config, amiId).join(", "),
    ]),
  );
}

/** Removes an image, or all versions of a name, and prints their ids. */
export async function removeEc2Images(nameOrId: string, context: CommandContext): Promise<void> {
  const { config } = await context.loadConfig();
  const removed = await withInterrupts(({ first }) =>
    removeAmis(sitesOf(config), nameOrId, amisOf(config), depsOf(context), first),
  );
  if (context.isJson) return printJson(context, { removed });
  await writeAll(context.stdout, removed.map((amiId) => `${amiId}\n`).join(""));
}

const depsOf = ({ stderr }: CommandContext): Ec2Deps => ({
  clock: systemClock,
  random: systemRandom,
  logger: createLogger("error", stderr),
});

const forgetOn =
  ({ clock }: Ec2Deps): Parameters<typeof buildAmi>[1]["forgetIdentity"] =>
  (ready, signal) =>
    forgetIdentity(ready, clock, signal);

async function printBuilt({ image, isNew, removed }: BuiltAmi, pool: Ec2Pool, context: CommandContext): Promise<void> {
  const configLines = [
    `ami = "${image.amiId}"   # [pool.ec2] of pool "${pool.name}"`,
    `engine = "baked"   # [pool.guest] of pool "${pool.name}"`,
  ];
  if (context.isJson) return printJson(context, { ...image, region: pool.shape.region, isNew, removed, configLines });
  await writeAll(context.stdout, configLines.map((line) => `${line}\n`).join(""));
}

const isEc2 = (pool: DesiredPool): pool is Ec2Pool => pool.shape.driver === "ec2";

function poolOf({ pools }: Config, name: string | undefined): Ec2Pool {
  const known = pools.filter(isEc2);
  const chosen = known.find((pool) => pool.name === name);
  if (chosen !== undefined) return chosen;
  const rule = `Expected the name of a pool of driver "ec2" (${known.map((pool) => pool.name).join(", ") || "there is none"})`;
  const got = name === undefined ? "none" : `"${name}"`;
  throw new ConfigError([{ place: "--pool", message: `${rule}, got ${got}` }], "usage");
}

function sitesOf({ name: owner, pools }: Config): Ec2Options {
  const sites = pools.filter(isEc2).map(({ shape }) => shape);
  if (sites.length > 0) return { owner, sites };
  throw new ConfigError([
    { place: "--driver", message: 'Expected a pool of driver "ec2" in the config, which has none' },
  ]);
}

const amisOf = ({ pools }: Config): ReadonlySet<string> => new Set(pools.filter(isEc2).map(({ shape }) => shape.ami));

const poolsFrom = ({ pools }: Config, amiId: string): string[] =>
  pools.filter((pool) => isEc2(pool) && pool.shape.ami === amiId).map(({ name }) => name);
