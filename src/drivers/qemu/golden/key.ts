import { createHash } from "node:crypto";
import { cpus, release } from "node:os";
import type { QemuShape } from "../../../domain/shape.ts";
import type { CloudInit } from "../../../ports/seed.ts";
import { argumentsFrom } from "../command.ts";
import type { AcceleratorName, BootImage } from "../options.ts";

/** What a golden state is made of, and what it is good for. */
export interface GoldenFacts {
  readonly image: BootImage;
  readonly shape: QemuShape;
  readonly accelerator: AcceleratorName;
  readonly qemuVersion: string;
  readonly template: CloudInit;
  /** What the template tells it to fetch: the names are in it. @default nothing */
  readonly preload?: readonly string[] | undefined;
}

/** Raised when the same facts give another state by newer code. */
const FORMAT_VERSION = 1;
const DIGITS = 16;

/**
 * Names the golden state of those facts: all that decides what the memory holds, and whether this QEMU can take it. The command
 * line stands for the devices, in their order.
 */
export function goldenKeyFrom(facts: GoldenFacts): string {
  const { image, shape, accelerator, qemuVersion, template } = facts;
  const memory = { path: "ram.img", isTemplate: true };
  const parts = {
    ...{ formatVersion: FORMAT_VERSION, image: image.digest, disk: image.diskPath, diskGiB: shape.diskGiB },
    ...{
      qemuVersion,
      template,
      argv: argumentsFrom({ folder: "", providerId: "", shape, image, accelerator, memory }),
    },
    // A processor that is passed through must be the same one; an emulated one is made of QEMU alone.
    host: accelerator === "tcg" ? "" : [cpus()[0]?.model, release()],
  };
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, DIGITS);
}
