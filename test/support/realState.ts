import { mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProcesses } from "../../src/drivers/qemu/processes.ts";

/** A state directory of its own that borrows the tier's guest image. */
export interface RealState {
  readonly stateDir: string;
  /** Holds a folder an instance. */
  readonly instancesDir: string;
  /** Writes a mayfly.toml for this directory; `pools` is its text from the first [[pool]] on. */
  writeConfig(pools: string): Promise<string>;
  /** Pids of the machines that run now, by the folder of their instance. */
  pids(): Promise<readonly number[]>;
  /** Folders and processes of machines that are there now. */
  leftovers(): Promise<readonly string[]>;
  remove(): Promise<void>;
}

/**
 * Makes a state directory.
 * @param imagesDir holds the guest image. @default where the integration tier's setup put it
 * @throws Error when that did not run.
 */
export async function makeRealState(imagesDir = process.env["MAYFLY_TEST_IMAGES_DIR"]): Promise<RealState> {
  if (imagesDir === undefined) throw new Error("MAYFLY_TEST_IMAGES_DIR is not set: run the integration tier");
  const stateDir = await mkdtemp(join(tmpdir(), "mayfly-real-"));
  const instancesDir = join(stateDir, "qemu");
  await symlink(imagesDir, join(stateDir, "images"));
  const pids = async (): Promise<number[]> => [...(await findProcesses(instancesDir)).values()].map(({ pid }) => pid);

  return {
    stateDir,
    instancesDir,
    async writeConfig(pools) {
      const path = join(stateDir, "mayfly.toml");
      await writeFile(path, `name = "test"\nstate_dir = "${stateDir}"\n${pools}`);
      return path;
    },
    pids,
    async leftovers() {
      const folders = await readdir(instancesDir).catch(() => []);
      return [...(await pids()).map((pid) => `process ${pid}`), ...folders];
    },
    async remove() {
      for (const pid of await pids()) process.kill(pid, "SIGKILL");
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
