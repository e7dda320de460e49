import { constants, copyFile, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { systemClock as clock } from "../../../src/daemon/clock.ts";
import { systemRandom as random } from "../../../src/daemon/random.ts";
import { acceleratorOf } from "../../../src/daemon/start.ts";
import { machineIdFrom } from "../../../src/domain/ids.ts";
import type { QemuShape } from "../../../src/domain/shape.ts";
import { argumentsFrom } from "../../../src/drivers/qemu/command.ts";
import { createQemuDriver } from "../../../src/drivers/qemu/driver.ts";
import { readRecord } from "../../../src/drivers/qemu/folder.ts";
import { findImage } from "../../../src/drivers/qemu/image/find.ts";
import type { BootImage } from "../../../src/drivers/qemu/options.ts";
import { findProcesses, killProcess } from "../../../src/drivers/qemu/processes.ts";
import { startQemu } from "../../../src/drivers/qemu/start.ts";
import { silentLogger } from "../jobs.ts";
import type { Cloud, CloudInstance } from "./cloud.ts";

/** Real machines behind a pretended account. */
export interface RealMachines {
  /** Folders and processes that are there now. */
  leftovers(): Promise<string[]>;
  /** Ends and erases everything. */
  close(): Promise<void>;
}

const SHAPE: Omit<QemuShape, "image"> = { driver: "qemu", cpus: 1, memoryMiB: 1024, diskGiB: 10 };
const STOCK = "debian-12";
const never = new AbortController().signal;

/** Has every instance of an account be a QEMU machine on a loopback address, told its user data as NoCloud data. */
export async function startRealMachines(cloud: Cloud, imagesDir: string): Promise<RealMachines> {
  const stateDir = await mkdtemp(join(tmpdir(), "mayfly-ec2-"));
  const root = join(stateDir, "qemu");
  const chooseAccelerator = acceleratorOf(dirname(imagesDir));
  /** Disks of the images that the account made. */
  const kept = new Map<string, string>();
  const imageOf = async (ami: string): Promise<BootImage> => {
    const stock = await findImage(imagesDir, STOCK);
    return { ...stock, name: ami, diskPath: kept.get(ami) ?? stock.diskPath };
  };
  const qemu = createQemuDriver(
    { stateDir, imagesDir, owner: "cloud" },
    { clock, random, logger: silentLogger, chooseAccelerator, findImage: (_, ami) => imageOf(ami) },
  );
  const launches = new Map<string, Promise<string>>();
  const shapeOf = ({ imageId }: CloudInstance): QemuShape => ({ ...SHAPE, image: imageId });
  const folderOf = async ({ id }: CloudInstance): Promise<string> => join(root, (await launches.get(id)) ?? "");
  const launch = async (instance: CloudInstance): Promise<string> => {
    const seed = {
      userData: Buffer.from(instance.userData, "base64").toString(),
      metaData: `instance-id: ${instance.id}\nlocal-hostname: ip-10-0-0-1\n`,
    };
    const spec = { machineId: machineIdFrom(instance.id), poolName: "cloud", shape: shapeOf(instance), seed };
    const { providerId, address } = await qemu.launch(spec, instance.id, never);
    // EC2 knows no other port.
    if (address?.port !== 22) throw new Error(`port 22 is taken on every loopback address, got ${address?.port}`);
    instance.address = address.host;
    return providerId;
  };
  const bootAgain = async (instance: CloudInstance): Promise<void> => {
    const folder = await folderOf(instance);
    const record = await readRecord(folder);
    if (record === undefined) throw new Error(`nothing is left of ${instance.id}`);
    const image = await imageOf(instance.imageId);
    const accelerator = await chooseAccelerator(never);
    const argv = argumentsFrom({ ...record, folder, shape: shapeOf(instance), image, accelerator });
    await startQemu(folder, argv, clock, never);
  };
  const tell = (what: string) => (error: unknown) => console.error(what, error);
  cloud.machines = {
    start(instance) {
      const launched = launch(instance);
      launched.catch(tell(`instance ${instance.id} did not start:`));
      launches.set(instance.id, launched);
    },
    // These guests have no power button; whoever stops a machine has had it write everything to its disk.
    async stop(instance) {
      const process = (await findProcesses(root)).get(await folderOf(instance));
      if (process !== undefined) await killProcess(process, clock, never);
    },
    restart(instance) {
      bootAgain(instance).catch(tell(`instance ${instance.id} did not start again:`));
    },
    async end(instance) {
      const providerId = await launches.get(instance.id);
      if (providerId !== undefined) await qemu.terminate([providerId], never);
    },
    async keep(instance, imageId) {
      const path = join(stateDir, `${imageId}.qcow2`);
      await copyFile(join(await folderOf(instance), "disk.qcow2"), path, constants.COPYFILE_FICLONE);
      kept.set(imageId, path);
    },
  };
  return {
    async leftovers() {
      const processes = [...(await findProcesses(root)).values()].map(({ pid }) => `process ${pid}`);
      return [...processes, ...(await readdir(root).catch(() => []))];
    },
    async close() {
      await Promise.allSettled(launches.values());
      const instances = await qemu.list(never);
      await qemu.terminate(
        instances.map(({ providerId }) => providerId),
        never,
      );
      await qemu.close();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
