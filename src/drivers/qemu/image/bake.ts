import { join } from "node:path";
import { MayflyError, SystemError } from "../../../domain/errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { AcceleratorName } from "../options.ts";
import { KERNEL_ARGS } from "./recipe.ts";
import { runProgram } from "./run.ts";

/** A boot and a small image take 40 s under software emulation; this is for a busy host. */
const BAKE_DEADLINE_MS = 600_000;
/** Measured under software emulation: 480 MB in 204 s. Three times that, for slower hosts. */
const BAKE_DEADLINE_MS_PER_MIB = 1_300;
const MEMORY_MIB = 1_024;

export interface BakeFacts {
  /** Holds disk.qcow2, vmlinuz and initrd.img. */
  readonly folder: string;
  readonly archives: readonly string[];
  /** Size of all archives, in MiB. */
  readonly archivesMiB: number;
  readonly accelerator: AcceleratorName;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Told in a few words what the guest is doing. */
  readonly onProgress: (text: string) => void;
}

/**
 * Boots the new disk once, so that its own engine loads the archives, and waits until the guest has swept its traces and is off.
 * @returns what was loaded, `name:tag`.
 * @throws SystemError `bake-failed`, `bake-timeout` with the last lines of the guest's console.
 */
export async function bakeImage(facts: BakeFacts, clock: Clock, signal: AbortSignal): Promise<string[]> {
  const deadlineMs = BAKE_DEADLINE_MS + facts.archivesMiB * BAKE_DEADLINE_MS_PER_MIB;
  const console: string[] = [];
  const said: string[] = [];
  const onLine = (line: string): void => {
    console.push(line);
    const words = SAID.exec(line)?.[1];
    if (words === undefined) return;
    said.push(words);
    facts.onProgress(words);
  };
  const deadline = { ms: deadlineMs, code: "bake-timeout" };
  try {
    await runProgram("qemu-system-x86_64", argumentsFrom(facts), { env: facts.env, onLine, deadline }, clock, signal);
  } catch (error) {
    throw error instanceof MayflyError && error.code === "bake-timeout" ? withConsole(error, console) : error;
  }
  if (!said.includes("done"))
    throw withConsole(new SystemError("bake-failed", "the new guest could not load its container images"), console);
  return said.map((words) => /^loaded (\S+)/.exec(words)?.[1]).filter((name) => name !== undefined);
}

/** How cloud-init/image/mayfly-bake speaks. */
const SAID = /mayfly-bake: (.*?)\s*$/;

/** No network: nothing is fetched, nobody can reach it. */
function argumentsFrom({ folder, archives, accelerator }: BakeFacts): string[] {
  const emulated = accelerator === "tcg";
  return [
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...["-machine", "q35,usb=off,vmport=off,sata=off,smbus=off,graphics=off,hpet=off"],
    ...["-accel", emulated ? "tcg,thread=multi" : accelerator, "-cpu", emulated ? "max,la57=off" : "host"],
    ...["-smp", "2", "-m", String(MEMORY_MIB), "-serial", "stdio"],
    ...["-kernel", join(folder, "vmlinuz"), "-initrd", join(folder, "initrd.img")],
    ...["-append", `${KERNEL_ARGS} no_timer_check panic=-1 mayfly.bake cloud-init=disabled`],
    ...["-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"],
    ...blockdev({
      driver: "qcow2",
      "node-name": "disk",
      discard: "unmap",
      cache: { "no-flush": true },
      file: { driver: "file", filename: join(folder, "disk.qcow2"), discard: "unmap" },
    }),
    ...["-device", "virtio-blk-pci,drive=disk"],
    ...archives.flatMap((filename, index) => [
      ...blockdev({ driver: "raw", "node-name": `tar${index}`, "read-only": true, file: { driver: "file", filename } }),
      ...["-device", `virtio-blk-pci,drive=tar${index}`],
    ]),
  ];
}

const blockdev = (value: object): string[] => ["-blockdev", JSON.stringify(value)];

const withConsole = (error: MayflyError, console: readonly string[]): SystemError =>
  new SystemError(error.code, `${error.message}; its console ended with:\n${console.slice(-20).join("\n")}`, {
    cause: error,
  });
