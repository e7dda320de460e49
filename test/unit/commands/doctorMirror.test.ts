import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { checkMirror, mirrorRequirements } from "../../../src/commands/doctorMirror.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import { cacheFolderOf } from "../../../src/daemon/mirror/mirror.ts";
import type { HostFacts } from "../../../src/host/facts.ts";
import { EC2_POOL } from "../../support/config/ec2Pool.ts";

const FACTS: HostFacts = { env: {}, isRoot: true, isDebianLike: true, osName: "Debian", has: () => false };

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "mayfly-doctor-mirror-"));
});
afterEach(() => rm(stateDir, { recursive: true, force: true }));

const configOf = (text: string) => parseConfig(text, "mayfly.toml", stateDir);
const checksOf = (text: string) => checkMirror(configOf(text), FACTS);

it("says nothing where there is no mirror", async () => {
  expect(await checksOf("")).toEqual([]);
  expect(mirrorRequirements(configOf(""))).toEqual([]);
});

it("names a program that is not there", async () => {
  expect(await checksOf('[mirror]\nprogram = "/nothing/here"')).toContainEqual({
    name: "mirror",
    status: "warn",
    detail: "/nothing/here is missing: machines pull from the upstream",
    fix: "set `program` in [mirror] to the path of a registry",
  });
});

it("tells what the cache takes of its bound", async () => {
  const blob = join(cacheFolderOf(stateDir), "docker/registry/v2/blobs/sha256/ab/abcd");
  await mkdir(blob, { recursive: true });
  await writeFile(join(blob, "data"), Buffer.alloc(200 * 2 ** 20, 1));

  expect(await checksOf('[mirror]\nmax_size = "2GiB"')).toContainEqual({
    name: "mirror cache",
    status: "ok",
    detail: `0.2 GiB of at most 2.0 GiB cached in ${cacheFolderOf(stateDir)}`,
  });
});

it("looks at the credentials without showing them", async () => {
  const file = join(stateDir, "hub");
  const text = `[mirror]\ncredentials_file = "${file}"`;
  await writeFile(file, "s3cret");
  const wrong = await checksOf(text);
  await writeFile(file, "robot:s3cret\n");
  const right = await checksOf(text);

  const statusOf = (checks: typeof wrong) => checks.find(({ name }) => name === "mirror credentials")?.status;
  expect([wrong, right].map(statusOf)).toEqual(["warn", "ok"]);
  expect(JSON.stringify([wrong, right])).not.toContain("s3cret");
});

it("names pools on EC2 that are given none for want of an address", async () => {
  const nameOf = async (mirror: string) => (await checksOf(`${mirror}\n${EC2_POOL}`)).map(({ name }) => name);

  expect(await nameOf("[mirror]")).toContain("mirror url");
  expect(await nameOf('[mirror]\nurl = "http://10.1.2.3:5050"')).not.toContain("mirror url");
});
