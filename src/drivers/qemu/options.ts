import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { Random } from "../../ports/random.ts";
import type { HostRoom } from "./capacity.ts";

export type AcceleratorName = "kvm" | "hvf" | "tcg";

/** What a machine is started from. */
export interface BootImage {
  readonly name: string;
  readonly digest: string;
  /** A qcow2 file that is never written. */
  readonly diskPath: string;
  readonly kernelPath: string;
  readonly initrdPath: string;
  readonly kernelArgs: string;
}

export interface QemuOptions {
  /** Instances live in `<stateDir>/qemu/`, mode 0700. */
  readonly stateDir: string;
  readonly imagesDir: string;
  /** Tag on all that this driver launches; instances of other owners are never seen. */
  readonly owner: string;
  /** What golden states leave free of their file system, in MiB. @default what machines leave free of theirs */
  readonly minFreeDiskMiB?: number | undefined;
}

export interface QemuDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** @throws NotFoundError when no image of that name was built. @default those that `mayfly image build` made */
  readonly findImage?: ((imagesDir: string, name: string) => Promise<BootImage>) | undefined;
  /** The accelerator that was seen to work on this host. */
  readonly chooseAccelerator: (signal: AbortSignal) => Promise<AcceleratorName>;
  /** @default the host's own /proc/meminfo and file system */
  readonly hostRoom?: HostRoom | undefined;
}

/** QEMU parses its options, opens its files and answers on its control socket within this; a busy host needs seconds. */
export const START_DEADLINE_MS = 30_000;
/** A process that was sent SIGKILL is gone within this, unless it hangs in the kernel. */
export const END_DEADLINE_MS = 15_000;
/** How often a start or an end is looked at again. */
export const POLL_MS = 20;
