import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { buildContainerImage, obstacleToContainers } from "../support/container/build.ts";
import type { BuiltImage } from "../support/container/build.ts";
import { createCall } from "../support/container/call.ts";
import { runInContainer, startContainer } from "../support/container/run.ts";
import type { RunningContainer } from "../support/container/run.ts";
import { until } from "../support/until.ts";

const BUILD_DEADLINE_MS = 25 * 60_000;
const HEALTHY_DEADLINE_MS = 5 * 60_000;
const ROOT_ONLY = 0o700;
const ACCOUNT = { uid: 10001, gid: 10001 };
const CONFIG = `
name = "ci-1"
state_dir = "/var/lib/mayfly"
[[pool]]
name = "small"
max_machines = 1
idle_count = 0
`;

const read = (name: string): string => readFileSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), "utf8");
const call = createCall(AbortSignal.timeout(BUILD_DEADLINE_MS));
const obstacle = await obstacleToContainers(call);
const title = `the container file, built and run${obstacle === "" ? "" : ` (needs ${obstacle})`}`;

describe.skipIf(obstacle !== "")(title, () => {
  let folder: string;
  let image: BuiltImage;
  const running: RunningContainer[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "mayfly-container-"));
    image = await buildContainerImage(folder, call);
    await mkdir(join(image.root, "etc/mayfly"));
  }, BUILD_DEADLINE_MS);
  afterEach(async () => {
    for (const { pid, ended } of running.splice(0)) {
      tryKill(pid);
      await ended;
    }
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const configure = (text: string): Promise<void> => writeFile(join(image.root, "etc/mayfly/mayfly.toml"), text);
  const healthCheck = (): readonly string[] => image.config.Healthcheck.Test.slice(1);
  const startDaemon = async (): Promise<RunningContainer> => {
    const container = await startContainer(image);
    running.push(container);
    await until("its health check passes", HEALTHY_DEADLINE_MS, async () => {
      return (await container.exec(healthCheck())).exitCode === 0;
    });
    return container;
  };

  it("has the programs of this version, and the dependencies that the lock file names", async () => {
    const { version } = JSON.parse(read("package.json"));

    expect(await runInContainer(image, ["--version"])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: "" });
    const shim = join(image.root, "usr/local/bin/docker-machine");
    expect((await call("chroot", [image.root, "docker-machine", "version"])).trim(), shim).toContain(version);
    const packages = (text: string): Record<string, { version: string; dev?: boolean }> => JSON.parse(text).packages;
    const locked = packages(read("package-lock.json"));
    const installed = join(image.root, "usr/local/lib/node_modules/mayfly/node_modules/.package-lock.json");
    const there = Object.entries(packages(await readFile(installed, "utf8")));
    expect(there.length).toBeGreaterThan(50);
    for (const [path, { version: has }] of there)
      expect({ path, has, dev: locked[path]?.dev }).toEqual({ path, has: locked[path]?.version, dev: undefined });
  });

  it("checks a config, and does not start with a broken one", async () => {
    await configure(CONFIG);
    const checked = await runInContainer(image, ["config", "check"]);
    await configure(`${CONFIG}idle_cuont = 1\n`);
    const refused = await runInContainer(image, image.config.Cmd);

    expect(checked).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("no problems") });
    expect(refused).toMatchObject({
      exitCode: 2,
      stderr: "mayfly: /etc/mayfly/mayfly.toml:8: Unknown key `idle_cuont` in [[pool]], did you mean `idle_count`?\n",
    });
  });

  it("keeps its state to its own account, and lets that change nothing else", async () => {
    const state = await stat(join(image.root, "var/lib/mayfly"));
    const prunes = ["/proc", "/dev", "/var/lib/mayfly/*"].flatMap((path) => ["-path", path, "-prune", "-o"]);
    const find = ["find", "/", "-xdev", ...prunes, "-writable", "-not", "-type", "l", "-print"];
    // It may not look into some folders, and ends with 1 then.
    const words = ["sh", "-c", '"$@" 2>/dev/null || [ $? = 1 ]', "find", ...find];
    const writable = await call("chroot", [`--userspec=${image.config.User}`, image.root, ...words]);

    expect(image.config).toMatchObject({ User: `${ACCOUNT.uid}:${ACCOUNT.gid}`, StopSignal: "SIGTERM" });
    expect(Object.keys(image.config.Volumes)).toEqual(["/var/lib/mayfly"]);
    expect({ uid: state.uid, gid: state.gid, mode: state.mode & 0o777 }).toEqual({ ...ACCOUNT, mode: ROOT_ONLY });
    expect(writable.trim().split("\n").sort()).toEqual(["/run/lock", "/tmp", "/var/lib/mayfly", "/var/tmp"]);
  });

  it("has a daemon as a child of the first process, which is healthy once it serves, and ends when the container is stopped", async () => {
    await configure(CONFIG);
    const early = await runInContainer(image, ["pool", "list", "--json"]);
    const container = await startDaemon();

    const pools = await container.exec(["mayfly", "pool", "list", "--json"]);
    const commands = await container.exec([
      "sh",
      "-c",
      "cat /proc/1/comm; grep -h ^Uid: /proc/1/status /proc/[0-9]*/status | sort -u",
    ]);
    process.kill(container.pid, image.config.StopSignal as NodeJS.Signals);
    const ended = await container.ended;

    expect(early.exitCode).toBe(3);
    expect(JSON.parse(pools.stdout)).toMatchObject([{ desired: { name: "small" } }]);
    expect(commands.stdout.split("\n")).toEqual(["tini", `Uid:${`\t${ACCOUNT.uid}`.repeat(4)}`, ""]);
    expect(ended).toMatchObject({ exitCode: 0, stdout: "" });
    const messages = ended.stderr
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line).msg);
    expect([messages[0], messages.at(-1)]).toEqual(["manager is ready", "stopped"]);
  });

  it("has the programs that machines and a mirror take", async () => {
    await configure(`${CONFIG}[mirror]\n`);
    const container = await startDaemon();

    const { stdout } = await container.exec(["mayfly", "doctor", "--json"]);

    const { checks } = JSON.parse(stdout) as { checks: readonly { name: string; status: string; detail: string }[] };
    const ofName = (name: string) => checks.find((check) => check.name === name);
    expect(ofName("accelerator tcg")).toMatchObject({ status: "ok" });
    expect(ofName("mirror")).toMatchObject({ status: "ok", detail: "is /usr/bin/docker-registry" });
  });

  it("starts again after it was killed, on the same state, where all processes have the numbers that they had", async () => {
    await configure(CONFIG);
    const first = await startDaemon();
    process.kill(first.pid, "SIGKILL");
    await first.ended;

    const second = await startDaemon();
    process.kill(second.pid, "SIGTERM");

    expect(await second.ended).toMatchObject({ exitCode: 0 });
  });
});

function tryKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
