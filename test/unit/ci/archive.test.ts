import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { extract } from "tar-stream";
import { afterEach, beforeEach, expect, it } from "vitest";
import { packProject } from "../../../src/ci/archive.ts";
import { predefinedVariables } from "../../../src/ci/predefined.ts";

const { signal } = new AbortController();
let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-archive-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function git(...args: string[]): void {
  const config = ["-c", "user.name=Ann", "-c", "user.email=ann@example.test", "-c", "init.defaultBranch=main"];
  execFileSync("git", ["-C", folder, ...config, ...args], { stdio: "pipe" });
}

/** `name mode type body-or-target` of each entry, in order. */
async function packed(from = folder): Promise<string[]> {
  const entries: string[] = [];
  const unpack = extract();
  Readable.from(packProject(from, signal))
    .on("error", (error) => unpack.destroy(error))
    .pipe(unpack);
  for await (const entry of unpack) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(Buffer.from(chunk as Uint8Array));
    const { name, mode, type, linkname } = entry.header;
    const body = type === "symlink" ? linkname : Buffer.concat(chunks).toString();
    entries.push(`${name} ${mode.toString(8)} ${type} ${body}`);
  }
  return entries;
}

it("packs files with their modes, links as links, and empty folders", async () => {
  await writeFile(join(folder, "run.sh"), "echo");
  await chmod(join(folder, "run.sh"), 0o755);
  await symlink("run.sh", join(folder, "link"));
  await mkdir(join(folder, "sub", "empty"), { recursive: true });
  await writeFile(join(folder, "sub", "zero"), "");
  const longName = `ü ${"n".repeat(200)}`;
  await writeFile(join(folder, "sub", longName), "long");
  for (const name of ["sub/zero", `sub/${longName}`]) await chmod(join(folder, name), 0o644);

  const entries = await packed();

  expect(entries.map((entry) => entry.replace(/^(link|sub\/empty\/?) \d+/, "$1"))).toEqual([
    "link symlink run.sh",
    "run.sh 755 file echo",
    expect.stringMatching(/^sub\/empty\/? directory /),
    "sub/zero 644 file ",
    `sub/${longName} 644 file long`,
  ]);
});

it("packs a large file whole", async () => {
  const body = "0123456789abcdef".repeat(200_000);
  await writeFile(join(folder, "big"), body);

  const [entry = ""] = await packed();

  expect(entry.length).toBe(`big 644 file ${body}`.length);
  expect(entry.endsWith(body)).toBe(true);
});

it("packs of a git work tree what is tracked or new, but neither what is ignored nor what was deleted", async () => {
  git("init", "-q");
  for (const name of ["tracked", "deleted", "new", "secret"]) await writeFile(join(folder, name), name);
  await writeFile(join(folder, ".gitignore"), "secret\n");
  git("add", "tracked", "deleted", ".gitignore");
  await rm(join(folder, "deleted"));

  const names = (await packed()).map((entry) => entry.split(" ")[0]);

  expect(names).toEqual([".gitignore", "new", "tracked"]);
});

it("packs of a folder within a work tree what is below it", async () => {
  git("init", "-q");
  await mkdir(join(folder, "app"));
  await writeFile(join(folder, "outside"), "");
  await writeFile(join(folder, "app", "inside"), "");

  const names = (await packed(join(folder, "app"))).map((entry) => entry.split(" ")[0]);

  expect(names).toEqual(["inside"]);
});

it("packs a repository within the repository by that one's own rules", async () => {
  git("init", "-q");
  await mkdir(join(folder, "nested"));
  execFileSync("git", ["init", "-q", join(folder, "nested")]);
  await writeFile(join(folder, "nested", ".gitignore"), "secret\n");
  await writeFile(join(folder, "nested", "secret"), "");
  await writeFile(join(folder, "nested", "file"), "");

  const names = (await packed()).map((entry) => entry.split(" ")[0]);

  expect(names).toEqual(["nested/.gitignore", "nested/file"]);
});

it("refuses to pack ignored files along when git cannot read its work tree", async () => {
  await writeFile(join(folder, ".git"), "gitdir: /nowhere\n");
  await writeFile(join(folder, "secret"), "");

  await expect(packed()).rejects.toThrowError(/git could not read .*nowhere/);
});

it("ends when its reader does", async () => {
  await writeFile(join(folder, "big"), Buffer.alloc(3_000_000));
  const archive = packProject(folder, signal)[Symbol.asyncIterator]();

  await archive.next();

  await expect(archive.return?.()).resolves.toMatchObject({ done: true });
});

it("knows the commit, its branch and its tag", async () => {
  git("init", "-q");
  git("commit", "-q", "--allow-empty", "-m", "First: step");
  git("checkout", "-q", "-b", "feature/X");

  const onBranch = await predefinedVariables(folder, "ci.yml", 5, signal);
  git("tag", "v1.0");
  git("checkout", "-q", "v1.0");
  const onTag = await predefinedVariables(folder, "ci.yml", 5, signal);

  expect(onBranch).toMatchObject({
    CI: "true",
    CI_PIPELINE_ID: "5",
    CI_CONFIG_PATH: "ci.yml",
    CI_COMMIT_SHA: expect.stringMatching(/^[0-9a-f]{40}$/),
    CI_COMMIT_TITLE: "First: step",
    CI_COMMIT_AUTHOR: "Ann <ann@example.test>",
    CI_COMMIT_BRANCH: "feature/X",
    CI_COMMIT_REF_NAME: "feature/X",
    CI_COMMIT_REF_SLUG: "feature-x",
  });
  expect(onTag).toMatchObject({ CI_COMMIT_TAG: "v1.0", CI_COMMIT_REF_NAME: "v1.0" });
  expect(onTag).not.toHaveProperty("CI_COMMIT_BRANCH");
});

it("knows nothing of a commit where there is none, and never claims that GitLab is there", async () => {
  const variables = await predefinedVariables(folder, "ci.yml", 5, signal);

  expect(Object.keys(variables).filter((name) => name.startsWith("CI_COMMIT"))).toEqual([]);
  expect(variables).not.toHaveProperty("GITLAB_CI");
});
