import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { MirrorConfig } from "../../../src/config/mirror.ts";
import { systemClock } from "../../../src/daemon/clock.ts";
import { mirrorFolderOf, startMirror } from "../../../src/daemon/mirror/mirror.ts";
import type { Mirror } from "../../../src/daemon/mirror/mirror.ts";
import { systemRandom } from "../../../src/daemon/random.ts";
import { findByCommand } from "../../../src/drivers/qemu/processes.ts";
import type { Clock } from "../../../src/ports/clock.ts";
import { warningsInto } from "../warnings.ts";
import type { Warning } from "../warnings.ts";
import type { Behaviour } from "./pretend.ts";

/** Mirrors in a folder of their own, whose registry is one that pretends. */
export interface MirrorLab {
  readonly stateDir: string;
  readonly config: MirrorConfig;
  readonly warnings: Warning[];
  behave(behaviour: Behaviour): Promise<void>;
  /** @param changes of the configuration */
  start(changes?: Partial<MirrorConfig>): Promise<Mirror>;
  /** Processes of the folder's registries that run now. */
  pids(): Promise<number[]>;
  /** Stops what was started, and erases all. */
  close(): Promise<void>;
}

/** Thirty times as fast, but for deadlines, which are whole: for busy hosts. */
const hasty: Clock = {
  ...systemClock,
  monotonic: () => systemClock.monotonic() * 30,
  sleep: (ms, signal) => systemClock.sleep(ms / 30, signal),
};

export async function createMirrorLab(): Promise<MirrorLab> {
  const stateDir = await mkdtemp(join(tmpdir(), "mayfly-mirror-"));
  const [behaviourPath, program] = [join(stateDir, "behaviour"), join(stateDir, "pretended-registry")];
  const script = fileURLToPath(new URL("pretend.ts", import.meta.url));
  await writeFile(behaviourPath, "well");
  await writeFile(program, `#!/bin/sh\nexec ${process.execPath} ${script} ${behaviourPath} "$@"\n`);
  await chmod(program, 0o755);
  const listen = { host: "127.0.0.1", port: await freePort() };
  const config = { listen, upstream: "http://upstream.example", maxSizeMiB: 64, program };
  const warnings: Warning[] = [];
  const mirrors: Mirror[] = [];
  const settings = join(mirrorFolderOf(stateDir), "registry.yml");
  return {
    ...{ stateDir, config, warnings },
    behave: (behaviour) => writeFile(behaviourPath, behaviour),
    async start(changes = {}) {
      const deps = { clock: hasty, random: systemRandom, logger: warningsInto(warnings) };
      const mirror = await startMirror({ ...config, ...changes }, stateDir, deps);
      mirrors.push(mirror);
      return mirror;
    },
    async pids() {
      let count = 0;
      const found = await findByCommand((argv) => (argv.includes(settings) ? String(++count) : undefined));
      return [...found.values()].map(({ pid }) => pid);
    },
    async close() {
      for (const mirror of mirrors) await mirror.stop();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
