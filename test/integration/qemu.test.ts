import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CapacityError, NotFoundError } from "../../src/domain/errors.ts";
import { machineIdFrom } from "../../src/domain/ids.ts";
import type { QemuShape } from "../../src/domain/shape.ts";
import { providerIdFrom } from "../../src/drivers/qemu/folder.ts";
import type { Instance, LaunchSpec } from "../../src/ports/driver.ts";
import { createQemuLab } from "../support/qemu.ts";
import type { QemuLab } from "../support/qemu.ts";
import { silentLogger } from "../support/jobs.ts";

const SHAPE: QemuShape = { driver: "qemu", image: "halting", cpus: 1, memoryMiB: 256, diskGiB: 1 };
const SECRET = "the-private-host-key";
const never = new AbortController().signal;

const specOf = (shape: Partial<QemuShape> = {}): LaunchSpec => ({
  machineId: machineIdFrom("m-qemutest0001"),
  poolName: "small",
  shape: { ...SHAPE, ...shape },
  seed: { userData: `#cloud-config\n# ${SECRET}\n`, metaData: "instance-id: m-qemutest0001\n" },
});

describe("qemu driver", () => {
  let lab: QemuLab;
  beforeEach(async () => {
    lab = await createQemuLab();
  });
  afterEach(() => lab.close());

  const settledOf = (launches: Promise<Instance>[]) =>
    Promise.allSettled(launches).then((all) => ({
      launched: all.filter((one) => one.status === "fulfilled").map((one) => one.value),
      refused: all.filter((one) => one.status === "rejected").map((one) => one.reason as unknown),
    }));

  it("keeps the machine's secrets from other users and from the process list", async () => {
    const { providerId } = await lab.createDriver("us").launch(specOf(), "token", never);

    const argv = await readFile(`/proc/${await lab.pidOf(providerId)}/cmdline`, "utf8");
    const modes = await Promise.all(
      ["", providerId, `${providerId}/seed`].map(async (path) => (await stat(join(lab.root, path))).mode & 0o077),
    );

    expect(argv).toContain(providerId);
    expect(argv).not.toContain(SECRET);
    expect(modes).toEqual([0, 0, 0]);
  });

  it("counts the memory that launched machines have not touched yet", async () => {
    // Room for one machine and its overhead, not for two: an idle one has touched next to nothing.
    const hostRoom = { availableMemoryMiB: async () => 1_000, freeDiskMiB: async () => 100_000 };
    const driver = lab.createDriver("us", { hostRoom });

    const { launched, refused } = await settledOf(
      ["a", "b", "c"].map((token) => driver.launch(specOf(), token, never)),
    );

    expect(launched).toHaveLength(1);
    expect(refused).toMatchObject([{ code: "no-memory" }, { code: "no-memory" }]);
    expect(refused.every((error) => error instanceof CapacityError)).toBe(true);
    expect(await driver.list(never)).toEqual(launched);
  });

  it("says how much disk space is short, and where", async () => {
    const hostRoom = { availableMemoryMiB: async () => 100_000, freeDiskMiB: async () => 1_500 };
    const driver = lab.createDriver("us", { hostRoom });

    await expect(driver.launch(specOf(), "token", never)).rejects.toMatchObject({
      code: "no-disk",
      message: expect.stringMatching(/needs 1,024 MiB in .*qemu, which can spare 476 MiB/) as unknown,
    });
  });

  it("refuses a disk that is smaller than its image, and leaves nothing", async () => {
    const driver = lab.createDriver("us");

    await expect(driver.launch(specOf({ diskGiB: 0.5 }), "token", never)).rejects.toMatchObject({
      code: "disk-too-small",
    });

    expect(await lab.leftovers()).toEqual([]);
  });

  it("says which Debian packages are missing when QEMU is not installed", async () => {
    const path = process.env["PATH"];
    process.env["PATH"] = lab.stateDir;
    try {
      await expect(lab.createDriver("us").launch(specOf(), "token", never)).rejects.toMatchObject({
        code: "qemu-missing",
        message: expect.stringContaining("apt-get install qemu-system-x86 qemu-utils") as unknown,
      });
    } finally {
      process.env["PATH"] = path;
    }
    expect(await lab.leftovers()).toEqual([]);
  });

  it("ends a launch, and leaves nothing of it, when it is terminated meanwhile", async () => {
    const terminating = Promise.withResolvers<void>();
    // Called when its record and its disk are there and its process is next.
    const debug = (_fields: object, message: string): void => {
      if (message === "starting qemu") terminating.resolve(driver.terminate([providerIdFrom("us", "token")], never));
    };
    const driver = lab.createDriver("us", { logger: { ...silentLogger, debug } });

    const launching = settledOf([driver.launch(specOf(), "token", never)]);
    await terminating.promise;

    expect((await launching).refused).toMatchObject([{ code: "instance-terminated" }]);
    expect(await lab.leftovers()).toEqual([]);
  });

  it("leaves nothing of a launch that was aborted half way", async () => {
    const controller = new AbortController();
    const launching = settledOf([lab.createDriver("us").launch(specOf(), "token", controller.signal)]);
    await expect.poll(() => existsSync(join(lab.root, providerIdFrom("us", "token"), "instance.json"))).toBe(true);

    controller.abort(new Error("shutting down"));

    expect((await launching).refused).toMatchObject([{ message: "shutting down" }]);
    expect(await lab.leftovers()).toEqual([]);
  });

  it("takes no process for its own that has only the number of an earlier one", async () => {
    const driver = lab.createDriver("us");
    const { providerId } = await driver.launch(specOf(), "token", never);
    process.kill(await lab.pidOf(providerId), "SIGKILL");
    await expect.poll(async () => (await driver.list(never))[0]?.state).toBe("stopped");
    const stranger = spawn("sleep", ["1000"]);
    await writeFile(join(lab.root, providerId, "qemu.pid"), `${stranger.pid}\n`);

    await driver.terminate([providerId], never);

    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
    stranger.kill();
    await once(stranger, "exit");
  });

  it("reads what the guest wrote to its serial port", async () => {
    const driver = lab.createDriver("us");
    const { providerId } = await driver.launch(specOf(), "token", never);
    let heard = "";

    await expect
      .poll(async () => {
        heard += await driver.readConsole?.(providerId, never);
        return heard;
      })
      .toContain("!");

    await expect(driver.readConsole?.("nobody", never)).rejects.toBeInstanceOf(NotFoundError);
  });

  it("removes a folder that a crash left without a record", async () => {
    const providerId = providerIdFrom("us", "token");
    await mkdir(join(lab.root, providerId, "seed"), { recursive: true });
    const driver = lab.createDriver("us");

    expect(await driver.list(never)).toEqual([]);
    expect(await lab.leftovers()).toEqual([]);
  });

  it("throws rather than answering without an instance whose record it cannot read", async () => {
    const folder = join(lab.root, providerIdFrom("us", "token"));
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "instance.json"), "{");

    await expect(lab.createDriver("us").list(never)).rejects.toMatchObject({ code: "instance-unreadable" });
  });
});

describe("qemu driver whose manager is killed", () => {
  let lab: QemuLab;
  beforeEach(async () => {
    lab = await createQemuLab();
  });
  afterEach(() => lab.close());

  it.each(["", "instance.json", "disk.qcow2", "seed/meta-data", "qemu.log", "qmp.sock", "launched"])(
    'finds and ends what was launched, the manager being killed when "%s" was there',
    async (landmark) => {
      const script = fileURLToPath(new URL("../support/launchInChild.ts", import.meta.url));
      const args = [lab.stateDir, "us", JSON.stringify(lab.image), JSON.stringify(specOf()), "token"];
      const manager = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
      const exited = once(manager, "exit");
      const providerId = providerIdFrom("us", "token");
      const path = join(lab.root, providerId, landmark);

      if (landmark === "launched") await once(manager.stdout, "data");
      else await expect.poll(() => existsSync(path), { interval: 1, timeout: 30_000 }).toBe(true);
      manager.kill("SIGKILL");
      await exited;
      const driver = lab.createDriver("us");
      const found = await driver.list(never);
      await driver.terminate([providerId], never);

      if (landmark !== "") expect(found).toMatchObject([{ providerId, machineId: "m-qemutest0001" }]);
      if (landmark === "launched") expect(found).toMatchObject([{ state: "running" }]);
      expect(await lab.leftovers()).toEqual([]);
      expect(await driver.list(never)).toEqual([]);
    },
  );
});
