import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createVersionReader } from "../../../../src/drivers/qemu/version.ts";

const never = new AbortController().signal;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-version-"));
  vi.stubEnv("PATH", [folder, process.env["PATH"]].join(delimiter));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

/** Puts a program in QEMU's place that notes each call. */
async function install(version: string): Promise<void> {
  const program = `#!/bin/sh\necho asked >>"${folder}/calls"\necho "QEMU emulator version ${version}"\n`;
  await writeFile(join(folder, "qemu-system-x86_64"), program, { mode: 0o755 });
}
const callsMade = async (): Promise<number> =>
  (await readFile(join(folder, "calls"), "utf8")).trim().split("\n").length;

it("asks QEMU for its version once, and again when another program has come to its place", async () => {
  await install("7.2");
  const read = createVersionReader();

  expect([await read(never), await read(never)]).toEqual(["QEMU emulator version 7.2", "QEMU emulator version 7.2"]);
  expect(await callsMade()).toBe(1);

  await install("10.0.2");

  expect(await read(never)).toBe("QEMU emulator version 10.0.2");
  expect(await callsMade()).toBe(2);
});
