/** A manager's process with a mirror: `node mirrorInChild.ts STATE_DIR CONFIG_AS_JSON`. Says when it serves, and stays. */
import type { MirrorConfig } from "../../../src/config/mirror.ts";
import { systemClock } from "../../../src/daemon/clock.ts";
import { startMirror } from "../../../src/daemon/mirror/mirror.ts";
import { systemRandom } from "../../../src/daemon/random.ts";
import { silentLogger } from "../jobs.ts";

const [stateDir = "", config = ""] = process.argv.slice(2);
const deps = { clock: systemClock, random: systemRandom, logger: silentLogger };
const mirror = await startMirror(JSON.parse(config) as MirrorConfig, stateDir, deps);
process.stdout.write(`${JSON.stringify(mirror.health())}\n`);
