/** A manager's process that launches one instance: `node launchInChild.ts STATE_DIR OWNER IMAGE_AS_JSON SPEC_AS_JSON TOKEN`. */
import { systemClock } from "../../src/daemon/clock.ts";
import { systemRandom } from "../../src/daemon/random.ts";
import { createQemuDriver } from "../../src/drivers/qemu/driver.ts";
import type { BootImage } from "../../src/drivers/qemu/options.ts";
import type { LaunchSpec } from "../../src/ports/driver.ts";
import { silentLogger } from "./jobs.ts";

const [stateDir = "", owner = "", image = "", spec = "", token = ""] = process.argv.slice(2);
const driver = createQemuDriver(
  { stateDir, imagesDir: stateDir, owner },
  {
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    findImage: async () => JSON.parse(image) as BootImage,
    chooseAccelerator: async () => "tcg",
  },
);
await driver.launch(JSON.parse(spec) as LaunchSpec, token, new AbortController().signal);
process.stdout.write("launched\n");
