import type { QemuShape } from "../../src/domain/shape.ts";
import { describeDriverContract } from "../contract/driver.ts";
import { createQemuLab } from "../support/qemu.ts";

const SHAPE: QemuShape = { driver: "qemu", image: "halting", cpus: 1, memoryMiB: 256, diskGiB: 1 };

describeDriverContract("qemu", async () => {
  const lab = await createQemuLab();
  return {
    shape: SHAPE,
    createDriver: (owner) => lab.createDriver(owner),
    fillUp: () => ({ ...SHAPE, memoryMiB: 1_000_000_000 }),
    endInstance: async (providerId) => void process.kill(await lab.pidOf(providerId), "SIGKILL"),
    leftovers: () => lab.leftovers(),
    close: () => lab.close(),
  };
});
