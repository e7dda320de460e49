import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { checkDisks } from "../../../src/host/checkDisks.ts";

function someDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "mayfly-disks-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

it("tells how much is free where the state directory is, and fails with less than min_free_disk", async () => {
  const stateDir = someDir();

  const [writable, disk, ...more] = await checkDisks({
    stateDir,
    imagesDir: join(stateDir, "images"),
    minFreeBytes: 2 ** 60,
  });

  expect(writable).toEqual({ name: "state directory", status: "ok", detail: stateDir });
  expect(disk).toMatchObject({
    status: "fail",
    detail: expect.stringMatching(/^[\d.]+ GiB of [\d.]+ GiB free at .*: too little, nothing is launched$/),
    fix: `free some space at ${stateDir}, or set \`state_dir\` to a larger disk`,
  });
  expect(more).toEqual([]);
});

it("looks above a state directory that is yet to be made", async () => {
  const parent = someDir();
  const stateDir = join(parent, "a", "b");

  const [writable, disk] = await checkDisks({ stateDir, imagesDir: join(stateDir, "images"), minFreeBytes: 0 });

  expect(writable).toMatchObject({ status: "ok", detail: `${stateDir}, yet to be made` });
  expect(disk?.detail).toContain(`free at ${parent}`);
});

it("looks at the disk of the images when it is another one", async () => {
  const checks = await checkDisks({ stateDir: someDir(), imagesDir: "/proc", minFreeBytes: 0 });

  expect(checks.at(-1)).toMatchObject({
    name: "disk of images",
    status: "warn",
    detail: expect.stringContaining("/proc"),
  });
});
