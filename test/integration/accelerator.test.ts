import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { chooseAccelerator, probeAccelerators } from "../../src/drivers/qemu/accelerator.ts";

const signal = new AbortController().signal;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-accelerator-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A QEMU that hangs under every accelerator but one. */
async function hangingQemu(working: string): Promise<string> {
  const path = join(folder, `qemu-${working}`);
  const script = `#!/bin/sh
case "$*" in
  *--version*) echo "QEMU emulator version 0.0 (${working})" ;;
  *"-accel ${working}"*) printf mayfly ;;
  *) exec sleep 1000 ;;
esac
`;
  await writeFile(path, script, { mode: 0o755 });
  return path;
}

it("runs a guest of ours under software emulation, on every host", async () => {
  const seen = await probeAccelerators({}, signal);

  expect(seen.find((one) => one.name === "tcg")).toMatchObject({ works: true });
});

it("gives up an accelerator that hangs, and takes the one that works", async () => {
  const program = await hangingQemu("tcg");

  const chosen = await chooseAccelerator({ memoPath: join(folder, "hangs.json"), program }, signal);

  expect(chosen).toMatchObject({ name: "tcg", isRemembered: false });
  expect(chosen.evidence).toContain("kvm: ");
});

it("remembers the answer for the same host, and asks again for another QEMU", async () => {
  const memoPath = join(folder, "memo.json");
  const program = await hangingQemu("tcg");
  await chooseAccelerator({ memoPath, program }, signal);

  const again = await chooseAccelerator({ memoPath, program }, signal);
  await writeFile(program, (await readFile(program, "utf8")).replace("version 0.0", "version 0.1"), { mode: 0o755 });
  const other = await chooseAccelerator({ memoPath, program }, signal);

  expect(again.isRemembered).toBe(true);
  expect(other.isRemembered).toBe(false);
});

it("names the package when there is no QEMU", async () => {
  const choosing = chooseAccelerator(
    { memoPath: join(folder, "none.json"), program: "qemu-that-is-not-there" },
    signal,
  );

  await expect(choosing).rejects.toThrow("apt-get install qemu-system-x86");
});
