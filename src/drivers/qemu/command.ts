import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Address } from "../../domain/machine.ts";
import type { QemuShape } from "../../domain/shape.ts";
import type { AcceleratorName, BootImage } from "./options.ts";
import { PID_FILE } from "./processes.ts";
import { QMP_SOCKET } from "./qmp.ts";

/** Translated code of software emulation is kept up to this size, in MiB; QEMU's own default may take 1 GiB a machine. */
export const TRANSLATION_CACHE_MIB = 256;
/** The last output of the guest's serial port is kept in QEMU's memory, this much, so that no guest can fill the host's disk. */
export const SERIAL_RING_BYTES = 65_536;

/** File of the wake disk, in the folder of an instance that is restored. */
export const WAKE_DISK = "wake.raw";

/** Its name for QEMU. */
export const SERIAL_RING = "serial0";

export interface CommandFacts {
  readonly folder: string;
  readonly providerId: string;
  readonly shape: QemuShape;
  /** Where its SSH is reached; nowhere when absent. */
  readonly address?: Address | undefined;
  readonly image: BootImage;
  readonly accelerator: AcceleratorName;
  /** Present for a machine whose memory is a file: the template that is saved, or a copy of it. @default plain memory */
  readonly memory?: MemoryFile | undefined;
}

export interface MemoryFile {
  readonly path: string;
  /** A template writes the file; a copy sees it as it was saved and keeps what it writes for itself. */
  readonly isTemplate: boolean;
}

/** Tells the guest's kernel that it is a template: see cloud-init/image/mayfly-wake.service. */
const TEMPLATE_ARG = "mayfly.golden";

/** Renders QEMU's arguments. Started in the instance's folder; everyone on the host can read them, so they hold no secret. */
export function argumentsFrom(facts: CommandFacts): string[] {
  const { folder, providerId, shape, address, image, accelerator, memory } = facts;
  const emulated = accelerator === "tcg";
  return [
    ...["-nodefaults", "-no-user-config", "-display", "none", "-name", `guest=${providerId}`],
    ...["-pidfile", join(folder, PID_FILE)],
    // A template is saved through a program, and runs nobody's job.
    ...[
      "-sandbox",
      `on,obsolete=deny,elevateprivileges=deny,resourcecontrol=deny${memory?.isTemplate ? "" : ",spawn=deny"}`,
    ],
    ...["-machine", `${MACHINE}${memory === undefined ? "" : ",memory-backend=ram0"}`],
    ...(memory === undefined ? [] : memoryFrom(memory, shape)),
    ...["-accel", emulated ? `tcg,thread=multi,tb-size=${TRANSLATION_CACHE_MIB}` : accelerator],
    ...["-cpu", emulated ? "max,la57=off" : "host"],
    ...["-smp", String(shape.cpus), "-m", String(shape.memoryMiB)],
    // A machine that reboots has lost what its manager knows of it: it ends instead.
    "-no-reboot",
    ...[
      "-kernel",
      image.kernelPath,
      "-initrd",
      image.initrdPath,
      "-append",
      kernelArgsFrom(image, memory !== undefined),
    ],
    ...["-chardev", `socket,id=control,path=${QMP_SOCKET},server=on,wait=off`, "-mon", "chardev=control,mode=control"],
    ...["-chardev", `ringbuf,id=${SERIAL_RING},size=${SERIAL_RING_BYTES}`, "-serial", `chardev:${SERIAL_RING}`],
    ...["-blockdev", JSON.stringify(diskFrom(folder))],
    // Reported to the guest: QEMU's default would freeze the machine when the host's disk is full.
    ...["-device", "virtio-blk-pci,drive=disk,werror=report,rerror=report"],
    ...["-blockdev", JSON.stringify(seedFrom(folder)), "-device", "virtio-blk-pci,drive=seed"],
    // Restored devices must be the saved ones, in the same order.
    ...(memory === undefined
      ? []
      : ["-blockdev", JSON.stringify(wakeFrom(folder)), "-device", "virtio-blk-pci,drive=wake"]),
    ...[
      "-netdev",
      `user,id=net,ipv6=off${address === undefined ? "" : `,hostfwd=tcp:${address.host}:${address.port}-:22`}`,
    ],
    ...["-device", `virtio-net-pci,netdev=net,romfile=,mac=${macFrom(providerId).match(/../g)?.join(":")}`],
    ...["-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"],
    ...["-device", "pvpanic"],
  ];
}

/** Nothing is ever flushed: the disk is thrown away with its machine. */
const diskFrom = (folder: string): object => ({
  driver: "qcow2",
  "node-name": "disk",
  cache: { "no-flush": true },
  file: { driver: "file", filename: join(folder, "disk.qcow2"), cache: { "no-flush": true } },
});

/** See golden/wake.ts. */
const wakeFrom = (folder: string): object => ({
  driver: "raw",
  "node-name": "wake",
  "read-only": true,
  file: { driver: "file", filename: join(folder, WAKE_DISK) },
});

/** A FAT volume that QEMU makes up from a folder; its label is how NoCloud finds it. */
const seedFrom = (folder: string): object => ({
  driver: "vvfat",
  "node-name": "seed",
  dir: join(folder, "seed"),
  label: "cidata",
  "read-only": true,
});

/**
 * `no_timer_check`: on a busy host the emulated timer ticks late, and the kernel's check of it fails ("8254 timer not
 * connected to IO-APIC", seen in November 2026 at a load of 10 on 2 cores); under KVM the kernel skips it by itself.
 * `panic=-1`: a kernel that panicked restarts at once, which ends the machine; else it would sit there until the boot timeout.
 */
const kernelArgsFrom = ({ kernelArgs }: BootImage, isGolden: boolean): string =>
  `${kernelArgs} no_timer_check panic=-1${isGolden ? ` ${TEMPLATE_ARG}` : ""}`;

const MACHINE = "q35,usb=off,vmport=off,sata=off,smbus=off,graphics=off,hpet=off";

/** Commas in a value are doubled. */
const memoryFrom = ({ path, isTemplate }: MemoryFile, { memoryMiB }: QemuShape): string[] => [
  "-object",
  [
    ...["memory-backend-file", "id=ram0", `size=${memoryMiB}M`, `mem-path=${path.replaceAll(",", ",,")}`],
    `share=${isTemplate ? "on" : "off"}`,
  ].join(","),
];

/** The address of a machine's network card, of QEMU's own range: six bytes in hex. */
export const macFrom = (providerId: string): string =>
  `525400${createHash("sha256").update(providerId).digest("hex").slice(0, 6)}`;
