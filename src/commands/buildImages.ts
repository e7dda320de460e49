import type { Config } from "../config/config.ts";
import { systemClock as clock } from "../daemon/clock.ts";
import { acceleratorOf, imagesDirOf } from "../daemon/start.ts";
import { buildImage } from "../drivers/qemu/image/build.ts";
import type { BuiltImage } from "../drivers/qemu/image/build.ts";
import type { Progress } from "../ports/progress.ts";
import type { CommandContext } from "./context.ts";

/** Builds the guest images that the pools of a config start from; what is there already is not built again. */
export async function buildPoolImages(
  config: Config,
  { env }: Pick<CommandContext, "env">,
  progress: Progress,
  signal: AbortSignal,
): Promise<readonly BuiltImage[]> {
  const imagesDir = imagesDirOf(config.stateDir);
  const deps = { clock, env, chooseAccelerator: acceleratorOf(config.stateDir), isRoot: process.geteuid?.() === 0 };
  const names = new Set(config.pools.flatMap(({ shape }) => (shape.driver === "qemu" ? [shape.image] : [])));
  const built: BuiltImage[] = [];
  for (const name of names)
    built.push(await buildImage({ imagesDir, recipe: { name, load: [] }, progress }, deps, signal));
  return built;
}
