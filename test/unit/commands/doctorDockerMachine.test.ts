import { chmod, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { checkDockerMachine } from "../../../src/commands/doctorDockerMachine.ts";

const MAIN = fileURLToPath(new URL("../../../src/fleet/docker-machine/main.ts", import.meta.url));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-path-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const check = () => checkDockerMachine({ PATH: `${folder}:${dirname(process.execPath)}:/usr/bin:/bin` });

async function writeProgram(says: string): Promise<void> {
  const path = join(folder, "docker-machine");
  await writeFile(path, `#!/bin/sh\necho '${says}'\n`);
  await chmod(path, 0o755);
}

it("says nothing where there is none", async () => {
  expect(await checkDockerMachine({ PATH: folder })).toEqual([]);
});

it("knows its own, by whatever link", async () => {
  await symlink(MAIN, join(folder, "docker-machine"));

  expect(await check()).toMatchObject([{ status: "ok", detail: expect.stringMatching(/docker-machine is mayfly's$/) }]);
});

it("knows another mayfly's by what it says", async () => {
  await writeProgram("docker-machine version 0.16.2, build mayfly-9.9.9");

  expect(await check()).toMatchObject([{ status: "ok", detail: expect.stringContaining("build mayfly-9.9.9") }]);
});

it("warns of another program, and says what to do", async () => {
  await writeProgram("docker-machine version 0.16.2, build bd45ab13");

  expect(await check()).toMatchObject([
    {
      status: "warn",
      detail: expect.stringContaining("another program (docker-machine version 0.16.2, build bd45ab13)"),
      fix: "put mayfly's docker-machine before it on the runner's PATH",
    },
  ]);
});
