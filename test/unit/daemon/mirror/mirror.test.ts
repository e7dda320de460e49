import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { mirrorFolderOf } from "../../../../src/daemon/mirror/mirror.ts";
import { createMirrorLab } from "../../../support/registry/mirrorLab.ts";
import type { MirrorLab } from "../../../support/registry/mirrorLab.ts";

let lab: MirrorLab;
beforeEach(async () => {
  lab = await createMirrorLab();
});
afterEach(() => lab.close());

const PATIENCE = { timeout: 20_000, interval: 20 };
const urlOf = (): string => `http://127.0.0.1:${lab.config.listen.port}/v2/`;

it("serves once it has started, and leaves no process and a free port when it is stopped", async () => {
  const mirror = await lab.start();
  const answer = await fetch(urlOf());

  await mirror.stop();

  expect(answer.status).toBe(200);
  expect(mirror.health()).toMatchObject({ isServing: false, starts: 1, upstream: "http://upstream.example" });
  expect(await lab.pids()).toEqual([]);
  await expect(fetch(urlOf())).rejects.toThrow("fetch failed");
});

it("hands the registry its password in a file for this user alone, and on no command line", async () => {
  const credentialsFile = join(lab.stateDir, "credentials");
  await writeFile(credentialsFile, "robot:s3cret:word\n");

  await lab.start({ credentialsFile });

  const settings = join(mirrorFolderOf(lab.stateDir), "registry.yml");
  const lines = await Promise.all((await lab.pids()).map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8")));
  expect(await readFile(settings, "utf8")).toContain("password: s3cret:word");
  expect(((await stat(settings)).mode & 0o777).toString(8)).toBe("600");
  expect(lines).toHaveLength(1);
  expect(lines.join()).not.toContain("s3cret");
});

it("does without credentials that cannot be read, says so without showing them, and serves once they are right", async () => {
  const credentialsFile = join(lab.stateDir, "credentials");
  await writeFile(credentialsFile, "s3cret");

  const mirror = await lab.start({ credentialsFile });

  expect(mirror.health()).toMatchObject({ isServing: false, starts: 0 });
  expect(mirror.health().problem?.text).toMatch(
    /Expected .*credentials to hold one line, USER:PASSWORD, got something/,
  );
  expect(JSON.stringify([lab.warnings, mirror.health()])).not.toContain("s3cret");
  await writeFile(credentialsFile, "robot:s3cret\n");
  await expect.poll(() => mirror.health().isServing, PATIENCE).toBe(true);
});

it("starts a registry again that was killed, and warns", async () => {
  const mirror = await lab.start();
  const [pid = 0] = await lab.pids();

  process.kill(pid, "SIGKILL");

  await expect.poll(() => mirror.health().starts, PATIENCE).toBe(2);
  await expect.poll(() => mirror.health(), PATIENCE).toMatchObject({ isServing: true, problem: undefined });
  expect(await lab.pids()).not.toContain(pid);
  expect(lab.warnings).toHaveLength(1);
  expect(lab.warnings[0]?.message).toMatch(/registry mirror is down, machines pull from its upstream/);
});

it("ends and starts again a registry that answers wrongly three times in a row", async () => {
  const mirror = await lab.start();
  const [pid] = await lab.pids();
  await lab.behave("sick");
  await expect.poll(() => mirror.health().problem?.text, PATIENCE).toBe("it did not answer 3 times in a row");

  await lab.behave("well");

  await expect.poll(() => mirror.health().isServing, PATIENCE).toBe(true);
  expect(await lab.pids()).not.toContain(pid);
});

it("tells the registry's own words when it gives up, tries again ever more seldom, and never throws", async () => {
  await lab.behave("broken");

  const mirror = await lab.start();

  expect(mirror.health().problem?.text).toBe('it ended with 2: listen: "no" such address');
  await expect.poll(() => mirror.health().starts, PATIENCE).toBeGreaterThan(2);
});

it("serves what it has while its upstream is away, and asks it again later", async () => {
  await lab.behave("upstream-away");

  const mirror = await lab.start();

  const panic = 'it ended with 2: panic: Get "http://upstream.example/v2/": refused';
  await expect
    .poll(() => mirror.health(), PATIENCE)
    .toMatchObject({
      isServing: true,
      starts: 2,
      problem: { text: `it serves what it has and asks nobody: ${panic}` },
    });
  await lab.behave("well");
  await expect.poll(() => mirror.health(), PATIENCE).toMatchObject({ isServing: true, problem: undefined, starts: 3 });
});

it("names the program that is not there", async () => {
  const mirror = await lab.start({ program: join(lab.stateDir, "nothing-here") });

  expect(mirror.health()).toMatchObject({ isServing: false });
  expect(mirror.health().problem?.text).toMatch(/^mirror.program .*nothing-here is no program$/);
});

it("takes nobody else for its own who answers at its place", async () => {
  const stranger = createServer((_request, response) => response.end("{}"));
  stranger.listen(lab.config.listen.port, "127.0.0.1");
  await once(stranger, "listening");
  try {
    const mirror = await lab.start();

    expect(mirror.health()).toMatchObject({ isServing: false });
    expect(mirror.health().problem?.text).toMatch(/EADDRINUSE/);
  } finally {
    stranger.close();
  }
});

it("leaves nothing when its manager is killed, and its place to the next one", async () => {
  const script = fileURLToPath(new URL("../../../support/registry/mirrorInChild.ts", import.meta.url));
  const manager = spawn(process.execPath, [script, lab.stateDir, JSON.stringify(lab.config)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = (await once(manager.stdout, "data")) as [Buffer];
  const [pid] = await lab.pids();

  manager.kill("SIGKILL");

  expect(JSON.parse(said.toString())).toMatchObject({ isServing: true });
  expect(pid).toBeGreaterThan(0);
  await expect.poll(() => lab.pids(), PATIENCE).toEqual([]);
  expect((await lab.start()).health()).toMatchObject({ isServing: true, starts: 1 });
});

it("ends a registry that was left behind all the same, before it starts its own", async () => {
  const settings = join(mirrorFolderOf(lab.stateDir), "registry.yml");
  await (await lab.start()).stop();
  const left = spawn(lab.config.program ?? "", ["serve", settings], { stdio: "ignore" });
  await expect.poll(async () => (await fetch(urlOf()).catch(() => undefined))?.status, PATIENCE).toBe(200);

  const mirror = await lab.start();

  expect(mirror.health()).toMatchObject({ isServing: true, problem: undefined });
  expect(await lab.pids()).not.toContain(left.pid);
});
