import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { machineIdFrom } from "../../src/domain/ids.ts";
import type { Address } from "../../src/domain/machine.ts";
import { findImage } from "../../src/drivers/qemu/image/find.ts";
import type { LaunchSpec } from "../../src/ports/driver.ts";
import { createQemuLab } from "../support/qemu.ts";
import type { QemuLab } from "../support/qemu.ts";

/** Set by the integration tier's setup to where it built the guest image. */
const imagesDir = process.env["MAYFLY_TEST_IMAGES_DIR"];
const never = new AbortController().signal;

const SPEC: LaunchSpec = {
  machineId: machineIdFrom("m-boottest0001"),
  poolName: "small",
  shape: { driver: "qemu", image: "debian-12", cpus: 2, memoryMiB: 1_024, diskGiB: 8 },
  seed: { userData: "#cloud-config\n", metaData: "instance-id: m-boottest0001\n" },
};

describe.skipIf(imagesDir === undefined)("qemu driver with a guest image (MAYFLY_TEST_IMAGES_DIR says where)", () => {
  let lab: QemuLab;
  beforeEach(async () => {
    lab = await createQemuLab(await findImage(imagesDir ?? "", "debian-12"));
  });
  afterEach(() => lab.close());

  it("boots a machine whose sshd answers on the machine's own address", async () => {
    const { address } = await lab.createDriver("us").launch(SPEC, "token", never);

    await expect.poll(() => bannerOf(address), { interval: 500, timeout: 600_000 }).toMatch(/^SSH-2\.0-/);
  });
});

/** The first that a server says; empty while there is none. */
async function bannerOf(address: Address | undefined): Promise<string> {
  if (address === undefined) return "";
  const socket = connect(address.port, address.host);
  try {
    const [data] = (await Promise.race([once(socket, "data"), once(socket, "close")])) as unknown[];
    return data instanceof Buffer ? data.toString() : "";
  } catch {
    return "";
  } finally {
    socket.destroy();
  }
}
