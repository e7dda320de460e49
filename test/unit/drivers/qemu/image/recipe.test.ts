import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { digestFrom } from "../../../../../src/drivers/qemu/image/recipe.ts";

const signal = new AbortController().signal;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-recipe-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A tar's first block, with its mark, and something to tell it by. */
async function archive(name: string, content: string): Promise<string> {
  const bytes = Buffer.alloc(1024);
  bytes.write("ustar", 257);
  bytes.write(content, 512);
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

it("gives the same recipe the same digest", async () => {
  const load = [await archive("same.tar", "one")];

  const [first, second] = await Promise.all([1, 2].map(() => digestFrom({ name: "debian-12", load }, signal)));

  expect(first).toMatch(/^[0-9a-f]{64}$/);
  expect(second).toBe(first);
});

it("gives an archive with other bytes another digest, whatever its path", async () => {
  const one = await digestFrom({ name: "debian-12", load: [await archive("a.tar", "one")] }, signal);
  const copy = await digestFrom({ name: "debian-12", load: [await archive("b.tar", "one")] }, signal);
  const other = await digestFrom({ name: "debian-12", load: [await archive("a.tar", "two")] }, signal);

  expect(copy).toBe(one);
  expect(other).not.toBe(one);
});

it("names every archive that cannot be used, and the rule", async () => {
  const text = join(folder, "text.tar");
  await writeFile(text, "no tar at all");
  const missing = join(folder, "missing.tar");

  const digesting = digestFrom({ name: "debian-12", load: [text, missing] }, signal);

  await expect(digesting).rejects.toMatchObject({
    code: "recipe-invalid",
    problems: [
      { place: text, message: expect.stringContaining("not compressed") },
      { place: missing, message: expect.stringContaining("ENOENT") },
    ],
  });
});

it.each(["", "../up", "Debian", "a/b", ".hidden"])("refuses the name %j", async (name) => {
  await expect(digestFrom({ name, load: [] }, signal)).rejects.toMatchObject({ code: "recipe-invalid" });
});
