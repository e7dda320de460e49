import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Outcome } from "../cli.ts";
import { until } from "../until.ts";
import type { BuiltImage } from "./build.ts";

const START_DEADLINE_MS = 60_000;

/** A container that runs, as an engine would run it: namespaces of its own, no network, its first process number 1. */
export interface RunningContainer {
  /** The first process, by its number on this host. */
  readonly pid: number;
  readonly ended: Promise<Outcome>;
  /** Runs a command beside the first process, as `docker exec` does. */
  exec(argv: readonly string[]): Promise<Outcome>;
}

/** Starts the container's daemon, or whatever its image runs. Whatever is in it ends with its first process. */
export async function startContainer(image: BuiltImage): Promise<RunningContainer> {
  const child = await spawnFirst(image, image.config.Cmd);
  const ended = outcomeOf(child);
  const pid = await until("the container has a process", START_DEADLINE_MS, async () => {
    if (child.exitCode !== null) throw new Error(`the container ended: ${JSON.stringify(await ended)}`);
    const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").catch(() => "");
    const first = children.trim();
    // Before it has become the image's entry point, it is a shell that still mounts.
    const argv = await readFile(`/proc/${first}/cmdline`, "utf8").catch(() => "");
    return argv.startsWith(`${image.config.Entrypoint[0]}\0`) && Number(first);
  });
  const enter = await enteringOf(image);
  const namespaces = ["--target", `${pid}`, "--mount", "--pid", "--net"];
  return { pid, ended, exec: (argv) => outcomeOf(spawn("nsenter", [...namespaces, ...enter, ...argv])) };
}

/** Runs the image's entry point with other arguments, to its end. */
export async function runInContainer(image: BuiltImage, args: readonly string[]): Promise<Outcome> {
  return outcomeOf(await spawnFirst(image, args));
}

async function spawnFirst(image: BuiltImage, args: readonly string[]): Promise<ChildProcess> {
  const prepare = 'mount --rbind /dev "$0/dev"; exec "$@"';
  return spawn("unshare", [
    ...["--mount", "--pid", "--net", "--fork", "--kill-child", `--mount-proc=${join(image.root, "proc")}`],
    ...["sh", "-euc", prepare, image.root, ...(await enteringOf(image)), ...image.config.Entrypoint, ...args],
  ]);
}

/** The words before a program that make it one of the image's account, with the image's environment. */
async function enteringOf({ root, config }: BuiltImage): Promise<readonly string[]> {
  const passwd = await readFile(join(root, "etc/passwd"), "utf8");
  const [uid] = config.User.split(":");
  const home = passwd
    .split("\n")
    .map((line) => line.split(":"))
    .find((fields) => fields[2] === uid)?.[5];
  return ["chroot", `--userspec=${config.User}`, root, "env", "-i", `HOME=${home ?? "/"}`, ...config.Env];
}

async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const exited = new Promise<number | null>((resolve) => child.on("close", resolve));
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("Expected a child with pipes");
  const said = await Promise.all([text(stdout), text(stderr)]);
  return { exitCode: await exited, stdout: said[0], stderr: said[1] };
}
