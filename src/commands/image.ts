import { resolve } from "node:path";
import { Option } from "commander";
import type { Command } from "commander";
import { ConfigError } from "../domain/errors.ts";
import type { ListedGolden } from "../drivers/qemu/golden/list.ts";
import type { GuestImage } from "../drivers/qemu/image/find.ts";
import { contextOf } from "./context.ts";
import type { CommandContext } from "./context.ts";
import { printJson, printTable, writeAll } from "./output.ts";

interface BuildOptions {
  readonly driver: string;
  readonly name?: string;
  readonly load?: readonly string[];
  readonly pool?: string;
  readonly base?: string;
  readonly keep?: string;
  readonly force?: boolean;
}

/** Options that one driver alone has a use for. */
const QEMU_OPTIONS = ["load"] as const;
const EC2_OPTIONS = ["pool", "base", "keep", "force"] as const;
const DEFAULT_KEEP = 3;

const EC2_HELP = `
With --driver ec2 a machine is launched from the stock image of the pool, with its network and types, and installs the engine; what makes
it this machine is taken away, it is stopped, and EC2 makes an image of it. The machine is ended whatever happens, on Ctrl-C too. Older
images of the name go with their snapshots, but none that a pool names. An unchanged recipe is not built again; --force does, for newer
packages. The lines that go into the config are printed.
`;

/** Adds `mayfly image`. */
export function addImageCommand(program: Command): void {
  const image = program.command("image").description("build, list and remove guest images, local ones and EC2's");
  image
    .command("build")
    .addOption(driverOption())
    .option("--name <name>", 'what it is called (else "debian-12"; with --driver ec2 as its pool)')
    .option(
      "--load <file...>",
      "archives of `docker save` that the engine of every machine holds from the start (qemu)",
    )
    .option("--pool <name>", "the pool that the image is for (ec2)")
    .option("--base <ami>", "the stock image to start from, else the pool's, or what the pool's was made from (ec2)")
    .option("--keep <count>", `how many images of the name are kept (ec2; else ${DEFAULT_KEEP})`)
    .option("--force", "build an unchanged recipe, too (ec2)")
    .description(
      "build a guest image from Debian's packages, or one of EC2's from a stock image, unless it was built before",
    )
    .addHelpText("after", EC2_HELP)
    .action(async (options: BuildOptions, command: Command) => {
      const context = contextOf(command);
      if (options.driver === "ec2") return buildEc2(options, context);
      refuse(options, EC2_OPTIONS, "ec2");
      const load = (options.load ?? []).map((file) => resolve(context.cwd, file));
      await build(context, options.name ?? "debian-12", load);
    });
  image
    .command("list")
    .addOption(driverOption())
    .description("list the guest images")
    .action(async ({ driver }: { driver: string }, command: Command) => {
      const context = contextOf(command);
      if (driver !== "ec2") return list(context);
      const { listEc2Images } = await import("./imageEc2.ts");
      await listEc2Images(context);
    });
  image
    .command("remove")
    .argument("<name>", "the image; with --driver ec2 the id of one, or the name of all its versions")
    .addOption(driverOption())
    .description("remove a guest image that no machine uses; with --driver ec2 one that no pool names")
    .action(async (name: string, { driver }: { driver: string }, command: Command) => {
      const context = contextOf(command);
      if (driver !== "ec2") return remove(context, name);
      const { removeEc2Images } = await import("./imageEc2.ts");
      await removeEc2Images(name, context);
    });
}

const driverOption = (): Option =>
  new Option("--driver <driver>", "whose images").choices(["qemu", "ec2"]).default("qemu");

async function buildEc2(options: BuildOptions, context: CommandContext): Promise<void> {
  refuse(options, QEMU_OPTIONS, "qemu");
  const { pool, name, base, force = false } = options;
  if (name !== undefined && !/^[a-z0-9][a-z0-9.-]{0,62}$/.test(name))
    throw usage("--name", `Expected lower-case letters, digits, dots and dashes, got "${name}"`);
  if (base !== undefined && !/^ami-[0-9a-f]{8,17}$/.test(base))
    throw usage("--base", `Expected the id of an image such as "ami-0123456789abcdef0", got "${base}"`);
  const keep = Number(options.keep ?? DEFAULT_KEEP);
  if (!Number.isInteger(keep) || keep < 1) throw usage("--keep", `Expected an integer ≥ 1, got "${options.keep}"`);
  const { buildEc2Image } = await import("./imageEc2.ts");
  await buildEc2Image({ pool, name, base, keep, force }, context);
}

function refuse(options: BuildOptions, names: readonly (keyof BuildOptions)[], driver: string): void {
  const given = names.find((name) => options[name] !== undefined);
  if (given !== undefined) throw usage(`--${given}`, `is an option of --driver ${driver} alone`);
}

const usage = (place: string, message: string): ConfigError => new ConfigError([{ place, message }], "usage");

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
  const [{ listImages }, { listGolden }, { imagesDirOf }, { shownInstant }] = await Promise.all([
    import("../drivers/qemu/image/list.ts"),
    import("../drivers/qemu/golden/list.ts"),
    import("../daemon/start.ts"),
    import("./shown.ts"),
  ]);
  const imagesDir = imagesDirOf((await context.loadConfig()).config.stateDir);
  const [images, golden] = await Promise.all([listImages(imagesDir), listGolden(imagesDir)]);
  const ofImage = ({ digest }: GuestImage) => golden.filter(({ imageDigest }) => imageDigest === digest);
  if (context.isJson)
    return printJson(
      context,
      images.map((image) => ({ ...shownFrom(image), golden: ofImage(image) })),
    );
  await printTable(
    context,
    ["image", "digest", "built", "smallest disk", "golden states", "holds"],
    images.map((image) => [
      image.name,
      image.digest.slice(0, 12),
      shownInstant(image.createdAt),
      `${Math.ceil(image.diskBytes / 2 ** 30)}GiB`,
      goldenFrom(ofImage(image)),
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

/** E.g. "2 (1.1 GiB)". */
function goldenFrom(states: readonly ListedGolden[]): string {
  const gibibytes = states.reduce((sum, { bytes }) => sum + bytes, 0) / 2 ** 30;
  return states.length === 0 ? "none" : `${states.length} (${gibibytes.toFixed(1)} GiB)`;
}

/** What people and programs are told of an image. */
const shownFrom = ({ name, digest, createdAt, diskBytes, loaded, diskPath }: GuestImage): object => ({
  ...{ name, digest, createdAt, diskBytes, loaded, diskPath },
});
