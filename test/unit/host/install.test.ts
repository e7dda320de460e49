import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HostFacts } from "../../../src/host/facts.ts";
import { installMissing } from "../../../src/host/install.ts";
import { requirementsFor } from "../../../src/host/requirements.ts";
import type { ProgressStep } from "../../../src/ports/progress.ts";

const signal = new AbortController().signal;
const quiet: ProgressStep = {
  update: () => undefined,
  done: () => undefined,
  skip: () => undefined,
  fail: () => undefined,
};
const tools = [{ program: "qemu-img", debianPackage: "qemu-utils", purpose: "makes disks" }];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-install-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const host = (facts: Partial<HostFacts> = {}): HostFacts => ({
  env: { PATH: `${folder}:/usr/bin:/bin` },
  isRoot: true,
  isDebianLike: true,
  osName: "Debian",
  has: () => false,
  ...facts,
});
/** Stands in for a program; notes the words that it was called with, and ends as told. */
async function fake(program: string, exitCode: number): Promise<() => Promise<string[]>> {
  const log = join(folder, "calls");
  await writeFile(
    join(folder, program),
    `#!/bin/sh\necho "${program} $*" >>${log}\necho no such mirror\nexit ${exitCode}\n`,
  );
  await chmod(join(folder, program), 0o755);
  return async () => (await readFile(log, "utf8")).trim().split("\n");
}

describe("installing what a host lacks", () => {
  it("calls nothing when all is there", async () => {
    await expect(installMissing(host({ has: () => true, env: {} }), tools, quiet, signal)).resolves.toBeUndefined();
  });

  it("installs by apt-get as root", async () => {
    const calls = await fake("apt-get", 0);

    await installMissing(host(), tools, quiet, signal);

    expect(await calls()).toEqual(["apt-get update", "apt-get install -y --no-install-recommends qemu-utils"]);
  });

  it("installs through sudo, which must not ask, as an ordinary user", async () => {
    const calls = await fake("sudo", 0);

    await installMissing(host({ isRoot: false, has: (program) => program === "sudo" }), tools, quiet, signal);

    expect(await calls()).toEqual([
      "sudo -n apt-get update",
      "sudo -n apt-get install -y --no-install-recommends qemu-utils",
    ]);
  });

  it.each([
    ["another system", { isDebianLike: false, osName: "Fedora" }, /Fedora.*qemu-img/],
    ["a user without sudo", { isRoot: false }, /there is no sudo/],
  ])("on %s it prints the exact commands and stops", async (_what, facts, why) => {
    const installing = installMissing(host(facts), tools, quiet, signal);

    await expect(installing).rejects.toThrow(why);
    await expect(installMissing(host(facts), tools, quiet, signal)).rejects.toThrow(/apt-get install -y .*qemu-utils/);
  });

  it("says what apt-get said when it fails, and which commands to run", async () => {
    await fake("apt-get", 100);

    const installing = installMissing(host(), tools, quiet, signal);

    await expect(installing).rejects.toThrow(/exit code 100: no such mirror[\s\S]*apt-get install -y/);
  });
});

it("asks for a range of user ids of ordinary users alone", () => {
  const packages = (isRoot: boolean): string[] => requirementsFor({ isRoot }).map(({ debianPackage }) => debianPackage);

  expect(packages(true)).not.toContain("uidmap");
  expect(packages(false)).toContain("uidmap");
});
