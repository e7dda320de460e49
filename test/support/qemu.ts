import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { systemClock } from "../../src/daemon/clock.ts";
import { systemRandom } from "../../src/daemon/random.ts";
import { createQemuDriver } from "../../src/drivers/qemu/driver.ts";
import type { BootImage, QemuDeps, QemuOptions } from "../../src/drivers/qemu/options.ts";
import { findProcesses } from "../../src/drivers/qemu/processes.ts";
import type { Driver } from "../../src/ports/driver.ts";
import { silentLogger } from "./jobs.ts";

const run = promisify(execFile);
const never = new AbortController().signal;

/** A state directory of its own, with drivers over it that launch real QEMU processes. */
export interface QemuLab {
  readonly stateDir: string;
  /** Holds a folder an instance. */
  readonly root: string;
  readonly image: BootImage;
  createDriver(owner: string, deps?: Partial<QemuDeps>, options?: Partial<QemuOptions>): Driver;
  /** Pid of an instance. @throws Error when it has no process. */
  pidOf(providerId: string): Promise<number>;
  /** Folders and processes that are there now. */
  leftovers(): Promise<string[]>;
  /** Ends and erases everything. */
  close(): Promise<void>;
}

export interface QemuLabOptions {
  /** Where golden states are kept, for other labs too. @default the tier's, for its image; else the lab's own */
  readonly imagesDir?: string | undefined;
}

/**
 * Makes a lab. Its machines never boot, unless an image is handed in: an empty disk and a kernel that writes one `!` to the serial
 * port, and then says what mayfly-wake says when it is done, over and over.
 */
export async function createQemuLab(image?: BootImage, options: QemuLabOptions = {}): Promise<QemuLab> {
  const shared = options.imagesDir ?? (image === undefined ? undefined : process.env["MAYFLY_TEST_IMAGES_DIR"]);
  const stateDir = await mkdtemp(join(tmpdir(), "mayfly-qemu-"));
  const root = join(stateDir, "qemu");
  const bootImage = image ?? (await makeTinyImage(shared ?? stateDir));
  const drivers: Driver[] = [];

  const create = (owner: string, deps: Partial<QemuDeps> = {}, more: Partial<QemuOptions> = {}): Driver => {
    const driver = createQemuDriver(
      { stateDir, imagesDir: shared ?? stateDir, owner, ...more },
      {
        clock: systemClock,
        random: systemRandom,
        logger: silentLogger,
        findImage: async () => bootImage,
        chooseAccelerator: async () => "tcg",
        ...deps,
      },
    );
    drivers.push(driver);
    return driver;
  };

  return {
    stateDir,
    root,
    image: bootImage,
    createDriver: create,
    async pidOf(providerId) {
      const process = (await findProcesses(root)).get(join(root, providerId));
      if (process === undefined) throw new Error(`${providerId} has no process`);
      return process.pid;
    },
    async leftovers() {
      const processes = [...(await findProcesses(root)).values()].map(({ pid }) => `process ${pid}`);
      return [...processes, ...(await readdir(root).catch(() => []))];
    },
    async close() {
      const owners = new Set((await readdir(root).catch(() => [])).map((name) => join(root, name)));
      const names = await Promise.all([...owners].map(ownerOf));
      for (const owner of new Set(names.filter((name) => name !== undefined))) {
        const driver = create(owner);
        const instances = await driver.list(never);
        await driver.terminate(
          instances.map(({ providerId }) => providerId),
          never,
        );
      }
      await Promise.all(drivers.map((driver) => driver.close()));
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

async function ownerOf(folder: string): Promise<string | undefined> {
  try {
    return (JSON.parse(await readFile(join(folder, "instance.json"), "utf8")) as { owner: string }).owner;
  } catch {
    return undefined;
  }
}

/** Source of the layout: Linux's Documentation/arch/x86/boot.rst; its real-mode part is all there is. */
async function makeTinyImage(folder: string): Promise<BootImage> {
  const kernel = Buffer.alloc(4_096);
  kernel.writeUInt8(1, 0x1f1); // setup_sects
  kernel.writeUInt16LE(0xaa55, 0x1fe); // boot_flag
  kernel.write("HdrS", 0x202, "latin1");
  kernel.writeUInt16LE(0x0204, 0x206); // protocol version
  kernel.writeUInt8(1, 0x211); // LOADED_HIGH
  kernel.writeUInt32LE(0x37ffffff, 0x22c); // initrd_addr_max
  // Entered in real mode 512 bytes after the boot sector:
  //          mov si, 300h; call print
  //   again: sti; mov cx, 4
  //   tick:  hlt; loop tick; mov si, 340h; call print; jmp again
  //   print: mov dx, 3f8h
  //   next:  lodsb; test al, al; jz done; out dx, al; jmp next
  //   done:  ret
  Buffer.from("be0003e80f00fbb90400f4e2fdbe4003e80200ebf1baf803ac84c07403eeebf8c3", "hex").copy(kernel, 0x268);
  kernel.write("!\nmayfly-wake: ready\n", 0x300, "latin1");
  kernel.write("mayfly-wake: awake\n", 0x340, "latin1");
  Buffer.from([0xeb, 0x66]).copy(kernel, 0x200); // jump over the header
  const [kernelPath, initrdPath, diskPath] = [join(folder, "kernel"), join(folder, "initrd"), join(folder, "disk")];
  const image = { name: "halting", digest: "none", diskPath, kernelPath, initrdPath, kernelArgs: "quiet" };
  if (existsSync(diskPath)) return image;
  await writeFile(kernelPath, kernel);
  await writeFile(initrdPath, "empty");
  await run("qemu-img", ["create", "-q", "-f", "qcow2", diskPath, "1G"]);
  return image;
}
