import { resolve } from "node:path";
import type { Command } from "commander";
import type { GuestImage } from "../drivers/qemu/image/find.ts";
import { contextOf } from "./context.ts";
import type { CommandContext } from "./context.ts";
import { printJson, printTable, writeAll } from "./output.ts";

/** Adds `mayfly image`. */
export function addImageCommand(program: Command): void {
  const image = program.command("image").description("build, list and remove guest images");
  image
    .command("build")
    .option("--name <name>", "what pools call it", "debian-12")
    .option("--load <file...>", "archives of `docker save` that the engine of every machine holds from the start", [])
    .description("build a guest image from Debian's packages, unless the same was built before")
    .action(async (options: { name: string; load: readonly string[] }, command: Command) => {
      const context = contextOf(command);
      const load = options.load.map((file) => resolve(context.cwd, file));
      await build(context, options.name, load);
    });
  image
    .command("list")
    .description("list the guest images")
    .action(async (_options: unknown, command: Command) => {
      await list(contextOf(command));
    });
  image
    .command("remove")
    .argument("<name>", "the image")
    .description("remove a guest image that no machine uses")
    .action(async (name: string, _options: unknown, command: Command) => {
      await remove(contextOf(command), name);
    });
}

async function build(context: CommandContext, name: string, load: readonly string[]): Promise<void> {
  const [{ buildImage }, { createProgressDisplay }, { withInterrupts }, { systemClock: clock }, start] =
    await Promise.all([
      import("../drivers/qemu/image/build.ts"),
      import("./progress/display.ts"),
      import("./interrupts.ts"),
      import("../daemon/clock.ts"),
      import("../daemon/start.ts"),
    ]);
  const { stateDir } = (await context.loadConfig()).config;
  const progress = createProgressDisplay(context.stderr, clock.now);
  const deps = {
    clock,
    chooseAccelerator: start.acceleratorOf(stateDir),
    env: context.env,
    isRoot: process.geteuid?.() === 0,
  };
  const options = { imagesDir: start.imagesDirOf(stateDir), recipe: { name, load }, progress };
  try {
    const { image, isNew } = await withInterrupts(({ first }) => buildImage(options, deps, first));
    if (context.isJson) return await printJson(context, { ...shownFrom(image), isNew });
    await writeAll(context.stdout, `${image.name} ${image.digest.slice(0, 12)}\n`);
  } finally {
    progress.close();
  }
}

async function list(context: CommandContext): Promise<void> {
  const [{ listImages }, { imagesDirOf }, { shownInstant }] = await Promise.all([
    import("../drivers/qemu/image/list.ts"),
    import("../daemon/start.ts"),
    import("./shown.ts"),
  ]);
  const images = await listImages(imagesDirOf((await context.loadConfig()).config.stateDir));
  if (context.isJson) return printJson(context, images.map(shownFrom));
  await printTable(
    context,
    ["image", "digest", "built", "smallest disk", "holds"],
    images.map((image) => [
      image.name,
      image.digest.slice(0, 12),
      shownInstant(image.createdAt),
      `${Math.ceil(image.diskBytes / 2 ** 30)}GiB`,
      image.loaded.join(", "),
    ]),
  );
}

async function remove(context: CommandContext, name: string): Promise<void> {
  const [{ removeImage }, { machinesFromImage }, { withInterrupts }, { systemClock: clock }, { imagesDirOf }] =
    await Promise.all([
      import("../drivers/qemu/image/remove.ts"),
      import("../drivers/qemu/image/machines.ts"),
      import("./interrupts.ts"),
      import("../daemon/clock.ts"),
      import("../daemon/start.ts"),
    ]);
  const { stateDir } = (await context.loadConfig()).config;
  const deps = { clock, machinesFrom: machinesFromImage(stateDir) };
  await withInterrupts(({ first }) => removeImage(imagesDirOf(stateDir), name, deps, first));
  if (context.isJson) await printJson(context, { removed: name });
}

/** What people and programs are told of an image. */
const shownFrom = ({ name, digest, createdAt, diskBytes, loaded, diskPath }: GuestImage): object => ({
  ...{ name, digest, createdAt, diskBytes, loaded, diskPath },
});
