import { execFile } from "node:child_process";
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { pruneCompiledCode } from "../../../src/fleet/pruneCompiled.ts";

const MODULE = fileURLToPath(new URL("../../../src/fleet/compileCache.ts", import.meta.url));

let home = "";
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "mayfly-home-"));
  const folder = home;
  onTestFinished(() => rm(folder, { recursive: true }));
});

/** Where a program with this environment keeps its compiled code; "none" when it keeps none. */
async function keptBy(env: Readonly<Record<string, string>>): Promise<string> {
  const script = `import { getCompileCacheDir } from "node:module";
    import { keepCompiledCode } from ${JSON.stringify(MODULE)};
    keepCompiledCode(process.env);
    process.stdout.write(getCompileCacheDir() ?? "none");`;
  const args = ["--input-type=module", "-e", script];
  return (await promisify(execFile)(process.execPath, args, { env, cwd: home })).stdout;
}

it("keeps it below the home directory, in a folder that is ours alone", async () => {
  const kept = await keptBy({ HOME: home });

  expect(kept).toContain(`${home}/.cache/mayfly/compiled/`);
  expect((await stat(join(home, ".cache/mayfly/compiled"))).mode & 0o777).toBe(0o700);
});

it("keeps it below XDG_CACHE_HOME, unless that is relative", async () => {
  expect(await keptBy({ HOME: "/nowhere", XDG_CACHE_HOME: home })).toContain(`${home}/mayfly/compiled/`);
  expect(await keptBy({ HOME: home, XDG_CACHE_HOME: "cache" })).toContain(`${home}/.cache/mayfly/compiled/`);
});

it.each(["", ".cache", ".cache/mayfly", ".cache/mayfly/compiled"])(
  "keeps none where others can write ~/%s",
  async (name) => {
    await mkdir(join(home, ".cache/mayfly/compiled"), { recursive: true });
    await chmod(join(home, name), 0o777);

    expect(await keptBy({ HOME: home })).toBe("none");
  },
);

it.runIf(process.geteuid?.() === 0)("keeps none of root's where a folder is another user's", async () => {
  await chown(home, 12_345, 12_345);

  expect(await keptBy({ HOME: home })).toBe("none");
  expect(await readdir(home)).not.toContain(".cache");
});

it("does without where there is no home, and makes none", async () => {
  expect(await keptBy({ HOME: join(home, "gone") })).toBe("none");
  expect(await readdir(home)).toEqual([]);
});

it("is removed when it is over a month old", async () => {
  await keptBy({ HOME: home });
  const folder = join(home, ".cache/mayfly/compiled", "v24.0.0-x64-0-0");
  await mkdir(folder);
  const now = Date.now();
  for (const [name, ageDays] of [
    ["old", 31],
    ["young", 29],
  ] as const) {
    const at = new Date(now - ageDays * 86_400_000);
    await writeFile(join(folder, name), "");
    await utimes(join(folder, name), at, at);
  }

  await pruneCompiledCode({ HOME: home }, now);
  await pruneCompiledCode({ HOME: join(home, "gone") }, now);

  expect(await readdir(folder)).toEqual(["young"]);
});
