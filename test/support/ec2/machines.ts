import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { systemClock as clock } from "../../../src/daemon/clock.ts";
import { systemRandom as random } from "../../../src/daemon/random.ts";
import { acceleratorOf } from "../../../src/daemon/start.ts";
import { machineIdFrom } from "../../../src/domain/ids.ts";
import type { QemuShape } from "../../../src/domain/shape.ts";
import { createQemuDriver } from "../../../src/drivers/qemu/driver.ts";
import { findProcesses } from "../../../src/drivers/qemu/processes.ts";
import { silentLogger } from "../jobs.ts";
import type { Cloud, CloudInstance } from "./cloud.ts";

/** Real machines behind a pretended account. */
export interface RealMachines {
  /** Folders and processes that are there now. */
  leftovers(): Promise<string[]>;
  /** Ends and erases everything. */
  close(): Promise<void>;
}

const SHAPE: QemuShape = { driver: "qemu", image: "debian-12", cpus: 1, memoryMiB: 1024, diskGiB: 10 };
const never = new AbortController().signal;

/** Has every instance of an account be a QEMU machine on a loopback address, told its user data as NoCloud data. */
export async function startRealMachines(cloud: Cloud, imagesDir: string): Promise<RealMachines> {
  const stateDir = await mkdtemp(join(tmpdir(), "mayfly-ec2-"));
  const qemu = createQemuDriver(
    { stateDir, imagesDir, owner: "cloud" },
    { clock, random, logger: silentLogger, chooseAccelerator: acceleratorOf(dirname(imagesDir)) },
  );
  const launches = new Map<string, Promise<string>>();
  const launch = async (instance: CloudInstance): Promise<string> => {
    const seed = {
      userData: Buffer.from(instance.userData, "base64").toString(),
      metaData: `instance-id: ${instance.id}\nlocal-hostname: ip-10-0-0-1\n`,
    };
    const spec = { machineId: machineIdFrom(instance.id), poolName: "cloud", shape: SHAPE, seed };
    const { providerId, address } = await qemu.launch(spec, instance.id, never);
    // EC2 knows no other port.
    if (address?.port !== 22) throw new Error(`port 22 is taken on every loopback address, got ${address?.port}`);
    instance.address = address.host;
    return providerId;
  };
  const end = async (instance: CloudInstance): Promise<void> => {
    const providerId = await launches.get(instance.id);
    if (providerId !== undefined) await qemu.terminate([providerId], never);
  };
  cloud.machines = {
    start(instance) {
      const launched = launch(instance);
      launched.catch((error: unknown) => console.error(`instance ${instance.id} did not start:`, error));
      launches.set(instance.id, launched);
    },
    end,
  };
  return {
    async leftovers() {
      const root = join(stateDir, "qemu");
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
