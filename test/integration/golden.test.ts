import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { readFile, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/daemon/clock.ts";
import { machineIdFrom } from "../../src/domain/ids.ts";
import { readQemuVersion } from "../../src/drivers/qemu/accelerator.ts";
import { providerIdFrom } from "../../src/drivers/qemu/folder.ts";
import { draftFolders, goldenFolders, goldenRoot } from "../../src/drivers/qemu/golden/folder.ts";
import { listGolden } from "../../src/drivers/qemu/golden/list.ts";
import { findProcesses } from "../../src/drivers/qemu/processes.ts";
import type { Driver, LaunchSpec } from "../../src/ports/driver.ts";
import { createQemuLab } from "../support/qemu.ts";
import type { QemuLab } from "../support/qemu.ts";
import { EMPTY_RESTORE } from "../support/restore.ts";
import { warningsInto } from "../support/warnings.ts";
import type { Warning } from "../support/warnings.ts";

// QEMU's side of golden states, with a tiny guest that boots in no time and wakes as whoever it is told to be.
const SPEC: LaunchSpec = {
  machineId: machineIdFrom("m-goldentest1"),
  poolName: "small",
  shape: { driver: "qemu", image: "halting", cpus: 1, memoryMiB: 256, diskGiB: 1 },
  seed: { userData: "#cloud-config\n", metaData: "instance-id: m-goldentest1\n", restore: EMPTY_RESTORE },
};
const never = new AbortController().signal;

let lab: QemuLab;
let warnings: Warning[];
let driver: Driver;
beforeEach(async () => {
  lab = await createQemuLab();
  warnings = [];
  driver = lab.createDriver("us", { logger: warningsInto(warnings) });
});
afterEach(() => lab.close());

/** The folder of the only golden state. */
async function goldenFolder(): Promise<string> {
  const folders = await goldenFolders(await goldenRoot(lab.stateDir));
  expect(folders).toHaveLength(1);
  return folders[0] ?? "";
}

/** Folders of what is being saved, and processes of templates. */
async function leftoversOfMaking(): Promise<string[]> {
  const root = await goldenRoot(lab.stateDir);
  return [...(await draftFolders(root)), ...(await findProcesses(root)).keys()];
}

async function editManifest(change: (manifest: Record<string, unknown>) => void): Promise<void> {
  const path = join(await goldenFolder(), "manifest.json");
  const manifest = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  change(manifest);
  await writeFile(path, JSON.stringify(manifest));
}

describe("a golden state that is not what was saved", () => {
  const cut = (name: string) => async () => truncate(join(await goldenFolder(), name), 100);

  it.each([
    ["its memory was cut short", cut("ram.img"), /ram.img has 100 bytes where 268435456 were saved/],
    ["its devices' states were cut short", cut("devices.bin"), /devices.bin has 100 bytes where/],
    ["its disk was cut short", cut("disk.qcow2"), /disk.qcow2 has 100 bytes where/],
    [
      "another QEMU made it",
      () =>
        editManifest((manifest) => {
          manifest["qemuVersion"] = "QEMU emulator version 1.0";
        }),
      /made by "QEMU emulator version 1.0", this is "QEMU emulator version/,
    ],
    ["its image was written to", () => utimes(lab.image.diskPath, 1, 1), /disk was written after it was saved/],
  ])("is noticed and made anew before a machine comes of it: %s", async (_what, spoil, problem) => {
    await driver.launch(SPEC, "first", never);
    const version = await readQemuVersion(never);
    await spoil();

    const [told] = await listGolden(lab.stateDir, version);
    const { origin } = await driver.launch(SPEC, "second", never);

    expect(told?.problem).toMatch(problem);
    expect(warnings).toEqual([
      { message: "golden state is not whole, makes it again", problem: expect.stringMatching(problem) as string },
    ]);
    expect(origin).toBe("restored");
    expect(await listGolden(lab.stateDir, version)).toMatchObject([{ problem: "" }]);
    expect(await leftoversOfMaking()).toEqual([]);
  });

  it("is of no use to a machine that cannot be restored from it all the same: that one boots, and says why", async () => {
    await driver.launch(SPEC, "first", never);
    const path = join(await goldenFolder(), "devices.bin");
    await writeFile(path, (await readFile(path)).fill(0));
    const { mtimeMs } = await stat(path);
    await editManifest((manifest) => {
      manifest["devicesSha256"] = createHash("sha256").update(readFileSync(path)).digest("hex");
      (manifest["files"] as Record<string, unknown>)["devices.bin"] = {
        bytes: readFileSync(path).length,
        modifiedAt: mtimeMs,
      };
    });

    const { origin, state } = await driver.launch(SPEC, "second", never);

    expect({ origin, state }).toEqual({ origin: "booted", state: "running" });
    expect(warnings).toEqual([
      {
        message: "could not restore a machine, boots it",
        problem: expect.stringMatching(/^QEMU ended while it was restored: .*load of migration failed/) as string,
      },
    ]);
    expect(await listGolden(lab.stateDir)).toEqual([]);
  });
});

it("boots machines where a golden state would leave less disk space than is to stay free", async () => {
  // What machines write is elsewhere, and has room.
  const freeDiskMiB = async (path: string): Promise<number> => (path === lab.stateDir ? 10_500 : 100_000);
  const hostRoom = { availableMemoryMiB: async () => 100_000, freeDiskMiB };
  const frugal = lab.createDriver("us", { logger: warningsInto(warnings), hostRoom }, { minFreeDiskMiB: 10_000 });

  const launched = [await frugal.launch(SPEC, "first", never), await frugal.launch(SPEC, "second", never)];

  expect(launched).toMatchObject([{ origin: "booted" }, { origin: "booted" }]);
  // Once: for a while it is not tried again.
  expect(warnings).toEqual([
    {
      message: "could not save a golden state, machines boot",
      problem: expect.stringMatching(/up to 512 MiB in .*, which can spare 500 MiB/) as string,
    },
  ]);
  expect(await leftoversOfMaking()).toEqual([]);
});

it("saves a state that lacks images all the same, and makes it anew beside machines that are restored from the older one", async () => {
  let passedMs = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + passedMs };
  const late = lab.createDriver("us", { logger: warningsInto(warnings), clock });
  const spec = { ...SPEC, seed: { ...SPEC.seed, restore: { ...EMPTY_RESTORE, preload: ["nobody/has:it"] } } };
  const foldersNow = async (): Promise<string[]> => goldenFolders(await goldenRoot(lab.stateDir));
  await late.launch(spec, "first", never);
  const [older = ""] = await foldersNow();
  const [told] = await listGolden(lab.stateDir);

  passedMs = 16 * 60_000;
  const second = await late.launch(spec, "second", never);
  await expect.poll(foldersNow, { timeout: 30_000 }).toHaveLength(2);
  passedMs += 11 * 60_000;
  const third = await late.launch(spec, "third", never);
  const left = await foldersNow();

  expect(told).toMatchObject({ problem: "", lacking: ["nobody/has:it (it was not fetched in time)"] });
  expect([second.origin, third.origin]).toEqual(["restored", "restored"]);
  expect(left).toHaveLength(1);
  expect(left).not.toContain(older);
  expect(new Set(warnings.map(({ message }) => message))).toEqual(
    new Set(["a golden state lacks an image that was to be there"]),
  );
  // The second in a row: it waits half an hour.
  expect(await leftoversOfMaking()).toEqual([]);
});

describe("a manager that is killed", () => {
  /** Runs a manager that launches the machine, and kills it as soon as `isThere`. */
  const killOnce = async (isThere: () => Promise<boolean>): Promise<void> => {
    const script = fileURLToPath(new URL("../support/launchInChild.ts", import.meta.url));
    const args = [lab.stateDir, "us", JSON.stringify(lab.image), JSON.stringify(SPEC), "token"];
    const manager = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "ignore", "inherit"] });
    const exited = once(manager, "exit");
    await expect.poll(isThere, { interval: 1, timeout: 30_000 }).toBe(true);
    manager.kill("SIGKILL");
    await exited;
  };

  it.each(["instance.json", "disk.qcow2", "wake.raw", "seed/meta-data", "qemu.log", "qmp.sock"])(
    'while it restores a machine, "%s" being there, leaves one that the next one restores anew, and ends without a trace',
    async (landmark) => {
      await driver.launch(SPEC, "first", never);
      const providerId = providerIdFrom("us", "token");
      await killOnce(async () => existsSync(join(lab.root, providerId, landmark)));
      const next = lab.createDriver("us");

      const found = (await next.list(never)).find((instance) => instance.providerId === providerId);
      const again = await next.launch(SPEC, "token", never);
      const processes = await findProcesses(lab.root);
      await next.terminate(
        (await next.list(never)).map((instance) => instance.providerId),
        never,
      );

      // One that is half way is nobody to connect to; the kill may come too late to leave one.
      expect(found?.state === "running" && found.origin !== "restored").toBe(false);
      expect(again.origin).toBe("restored");
      expect(processes.size).toBe(2);
      expect(await lab.leftovers()).toEqual([]);
    },
  );

  it.each(["", "disk.qcow2", "ram.img", "qmp.sock", "devices.bin", "parts"])(
    'while it makes a golden state, "%s" being there, leaves nothing once the next one has looked',
    async (landmark) => {
      const isThere = async (): Promise<boolean> => {
        const [draft] = await draftFolders(await goldenRoot(lab.stateDir));
        const made = await goldenFolders(await goldenRoot(lab.stateDir));
        return made.length > 0 || (draft !== undefined && existsSync(join(draft, landmark)));
      };
      await killOnce(isThere);
      const next = lab.createDriver("us");

      await next.list(never);

      expect(await leftoversOfMaking()).toEqual([]);
      expect((await next.launch(SPEC, "token", never)).origin).toBe("restored");
    },
  );
});
