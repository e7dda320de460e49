import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../../src/daemon/clock.ts";
import { watchFile } from "../../../src/daemon/watchFile.ts";
import { until } from "../../support/until.ts";

let folder = "";
let stop: (() => Promise<void>) | undefined;
let changes = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-watch-"));
  changes = 0;
});
afterEach(async () => {
  await stop?.();
  await rm(folder, { recursive: true, force: true });
});

const onChange = (): void => {
  changes += 1;
};

/** Looks far apart, so that what is seen was told by the file system. */
async function watched(path: string): Promise<void> {
  stop = watchFile(path, systemClock, onChange);
  await told(1);
}
const told = (count: number) => until(`change ${count}`, 10_000, async () => (changes >= count ? true : undefined));

it("tells of a file that is written, and of one that an editor puts in its place", async () => {
  const path = join(folder, "mayfly.toml");
  await writeFile(path, "a");
  await watched(path);

  await writeFile(path, "b");
  await told(2);
  await writeFile(`${path}.tmp`, "c");
  await rename(`${path}.tmp`, path);
  await told(3);
  await rm(path);
  await told(4);

  expect(changes).toBe(4);
});

it("tells of a link that is swapped as Kubernetes does it, and of the file that another link leads to", async () => {
  const path = join(folder, "mayfly.toml");
  for (const version of ["..v1", "..v2"]) {
    await mkdir(join(folder, version));
    await writeFile(join(folder, version, "mayfly.toml"), version);
  }
  await symlink("..v1", join(folder, "..data"));
  await symlink("..data/mayfly.toml", path);
  await watched(path);

  await symlink("..v2", join(folder, "..data_tmp"));
  await rename(join(folder, "..data_tmp"), join(folder, "..data"));
  await told(2);
  await writeFile(join(folder, "..v2", "mayfly.toml"), "edited");
  await told(3);

  expect(changes).toBe(3);
});

it("calls back at each look while somebody is unsure, though the file holds the same", async () => {
  const path = join(folder, "mayfly.toml");
  await writeFile(path, "a");
  let isUnsure = false;
  stop = watchFile(path, systemClock, onChange, () => isUnsure);
  await told(1);

  isUnsure = true;
  await writeFile(path, "a");
  await told(2);

  expect(changes).toBeGreaterThanOrEqual(2);
});

it("keeps quiet about other files, and about a file that comes to hold the same", async () => {
  const path = join(folder, "mayfly.toml");
  await writeFile(path, "a");
  await watched(path);

  await writeFile(join(folder, "other"), "x");
  await writeFile(path, "a");
  await writeFile(`${path}.tmp`, "b");
  await rename(`${path}.tmp`, path);
  await told(2);

  expect(changes).toBe(2);
});
