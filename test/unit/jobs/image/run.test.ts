import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../../../src/daemon/clock.ts";
import type { JobSpec } from "../../../../src/domain/job.ts";
import type { GuestSettings } from "../../../../src/domain/pool.ts";
import type { Clock } from "../../../../src/ports/clock.ts";
import type { FakeEngine } from "../../../support/fakeEngine.ts";
import { createFakeEngine } from "../../../support/fakeEngine.ts";
import type { JobPlace, StartedJob } from "../../../support/jobRun.ts";
import { startJob } from "../../../support/jobRun.ts";
import { jobService } from "../../../support/jobs.ts";
import type { LocalChannel } from "../../../support/localChannel.ts";
import { openLocalChannel } from "../../../support/localChannel.ts";

let folder: string;
let channel: LocalChannel;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-jobs-"));
  channel = openLocalChannel(folder);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Waits a hundredth of what is asked. */
const hastyClock: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 100, signal) };
const image = { name: "busybox" };

function start(
  changes: Partial<JobSpec>,
  engine: FakeEngine,
  guest: Partial<GuestSettings> = {},
  place: Partial<JobPlace> = {},
): StartedJob {
  const guestSettings: GuestSettings = { user: "runner", docker: "none", dataRoot: "/var/lib/docker", ...guest };
  return startJob({ image, ...changes }, { folder, channel, machine: { engine, guestSettings }, ...place });
}

it("pulls, makes a network, and runs the script in the image with its variables", async () => {
  const engine = createFakeEngine();
  const job = start({ variables: { A: "a b\nc" }, script: ['echo "$A $PWD"', "exit 7"] }, engine);

  const { end, phasesMs } = await job.done;

  expect(end).toMatchObject({ result: "failed", exitCode: 7 });
  expect(job.text()).toBe(`a b\nc ${folder}/builds/test-job\n`);
  expect(engine.calls).toEqual([
    "network mayfly",
    "pull busybox:latest",
    "create busybox:latest",
    "start busybox:latest",
  ]);
  expect(Object.keys(phasesMs)).toEqual(["leased", "pulled", "script"]);
});

it("keeps both outputs in order", async () => {
  const job = start(
    { script: ["for i in 1 2 3 4 5 6 7 8 9; do echo out$i; echo err$i >&2; done"] },
    createFakeEngine(),
  );

  await job.done;

  expect(job.text()).toBe([1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => `out${i}\nerr${i}\n`).join(""));
});

it("runs after_script in the same container, started anew", async () => {
  const engine = createFakeEngine();
  const job = start({ script: ["X=1; echo one"], afterScript: ['echo "[$X] $CI_JOB_STATUS"'] }, engine);

  const { end } = await job.done;

  expect(end.result).toBe("success");
  expect(job.text()).toBe("one\n[] success\n");
  expect(engine.created).toHaveLength(1);
});

it("unpacks the archive where the container sees it, writable for any user", async () => {
  execFileSync("sh", ["-c", "mkdir input && echo content > input/file && chmod 600 input/file"], { cwd: folder });
  const job = start(
    { archiveId: "archive-1", script: ["cat input/file; stat -c %a input/file ."] },
    createFakeEngine(),
  );

  await job.done;

  expect(job.text()).toBe("content\n666\n777\n");
});

it.each([
  ["keeps the image's entrypoint", undefined, "image\nscript\n"],
  ["lets the job's entrypoint take its place", ["sh", "-c", 'echo job; exec "$@"', "entry"], "job\nscript\n"],
  ["clears it with an empty list", [], "script\n"],
  ["clears it with an empty word", [""], "script\n"],
] as const)("%s, and takes what it writes", async (_title, entrypoint, output) => {
  const image = ["sh", "-c", 'echo image; exec "$@"', "entry"];
  const engine = createFakeEngine({ entrypoints: { "busybox:latest": image } });
  const job = start({ image: { name: "busybox", entrypoint, user: "app" }, script: ["echo script"] }, engine);

  await job.done;

  expect(job.text()).toBe(output);
  expect(engine.created[0]?.user).toBe("app");
});

it("says what the engine knows of a container that never came to its script", async () => {
  const engine = createFakeEngine({ entrypoints: { "busybox:latest": ["/no/such/entrypoint"] } });
  const job = start({}, engine);

  const { end } = await job.done;

  expect(end).toMatchObject({ result: "failed", exitCode: 127 });
  expect(job.text()).toContain("/no/such/entrypoint");
});

it.each([
  ["always", [], ["always"], ["pull busybox:latest"]],
  ["if-not-present, when it is there", ["busybox:latest"], ["if-not-present"], []],
  ["if-not-present, when it is not", [], ["if-not-present"], ["pull busybox:latest"]],
  ["never, when it is there", ["busybox:latest"], ["never"], []],
] as const)("pulls by policy %s", async (_name, local, pullPolicy, pulls) => {
  const engine = createFakeEngine({ local });
  const job = start({ image: { name: "busybox", pullPolicy } }, engine);

  const { end } = await job.done;

  expect(end.result).toBe("success");
  expect(engine.calls.filter((call) => call.startsWith("pull"))).toEqual(pulls);
});

it("tries the next pull policy when the registry fails", async () => {
  const engine = createFakeEngine({ local: ["busybox:latest"], refused: { "busybox:latest": "registry is down" } });
  const job = start({ image: { name: "busybox", pullPolicy: ["always", "if-not-present"] } }, engine);

  const { end } = await job.done;

  expect(end.result).toBe("success");
  expect(job.text()).toContain('WARNING: Failed to pull image "busybox": registry is down');
});

it("fails with the registry's words when an image cannot be pulled", async () => {
  const job = start(
    { afterScript: ["echo after"] },
    createFakeEngine({ refused: { "busybox:latest": "manifest unknown" } }),
  );

  const { end } = await job.done;

  const message = 'failed to pull image "busybox" with specified policies [always]: manifest unknown';
  expect(end).toEqual({ result: "failed", exitCode: 1, message });
  expect(job.text()).not.toContain("after");
});

it("fails when a service's image cannot be pulled, and starts nothing", async () => {
  const engine = createFakeEngine({ refused: { "db:latest": "denied" } });
  const job = start({ services: [jobService("db")] }, engine);

  const { end } = await job.done;

  expect(end).toMatchObject({ result: "failed", exitCode: 1 });
  expect(end).toHaveProperty("message", expect.stringContaining("denied"));
  expect(engine.created).toEqual([]);
});

it("hands the registry the credentials of the job", async () => {
  const engine = createFakeEngine();
  const DOCKER_AUTH_CONFIG = JSON.stringify({ auths: { "docker.io": { username: "u", password: "p" } } });

  await start({ variables: { DOCKER_AUTH_CONFIG } }, engine).done;

  expect(engine.auths).toEqual([{ username: "u", password: "p", serverAddress: "docker.io" }]);
});

it("starts services with their names, variables and overrides before the job's container", async () => {
  const engine = createFakeEngine();
  const service = jobService("group/db:1", {
    aliases: ["db"],
    entrypoint: ["/entry"],
    command: ["serve"],
    variables: { A: "service", B: "b" },
  });

  await start({ variables: { A: "job", C: "c" }, services: [service] }, engine).done;

  const [job, started] = engine.created;
  expect(started).toMatchObject({
    image: "group/db:1",
    aliases: ["group__db", "group-db", "db"],
    entrypoint: ["/entry"],
    command: ["serve"],
    env: { A: "service", B: "b", C: "c" },
    isPrivileged: false,
  });
  expect(job?.network).toBe(started?.network);
  expect(engine.calls.indexOf("start group/db:1")).toBeLessThan(engine.calls.indexOf("start busybox:latest"));
});

it("waits until a port of a service opens", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const engine = createFakeEngine({ ports: { "db:latest": [1, port] } });
  const job = start({ services: [jobService("db")], echoCommands: true }, engine);

  const { end } = await job.done;
  server.close();

  expect(end.result).toBe("success");
  expect(job.text()).toContain("Waiting for services to be up and running (timeout 30 seconds)...");
  expect(job.text()).not.toContain("WARNING");
});

it("warns, with its log, of a service that ended before a port opened, and goes on", async () => {
  const engine = createFakeEngine({ ports: { "db:latest": [1] }, ending: ["db:latest"] });
  const job = start({ services: [jobService("db")] }, engine);

  const { end } = await job.done;

  expect(end.result).toBe("success");
  expect(job.text()).toContain("WARNING: Service db probably didn't start properly: it ended with exit code 1.");
  expect(job.text()).toContain("log of db:latest");
});

it("tells a failed script's reader, before its end, which service had ended, with its log", async () => {
  const engine = createFakeEngine({ ending: ["db:latest"] });
  const services = [jobService("db"), jobService("cache")];
  const job = start({ services, script: ["exit 3"], echoCommands: true }, engine);

  const { end } = await job.done;

  expect(end).toMatchObject({ result: "failed", exitCode: 3 });
  expect(job.text()).toContain(
    "WARNING: Service db ended with exit code 1 before the job's script did.\nService container logs:\nlog of db:latest",
  );
  expect(job.text()).not.toContain("Service cache");
  expect(job.text().indexOf("Service db ended")).toBeLessThan(job.text().indexOf("ERROR: Job failed"));
});

it("says nothing of ended services after a script that succeeded", async () => {
  const job = start({ services: [jobService("db")] }, createFakeEngine({ ending: ["db:latest"] }));

  await job.done;

  expect(job.text()).not.toContain("Service");
});

it("lets a job fail by itself when its services cannot be asked", async () => {
  const engine = createFakeEngine({ ending: ["db:latest"] });
  const forgetful = { ...engine, containerById: (id: string) => engine.containerById(id.replace("service", "lost")) };
  const job = start({ services: [jobService("db")], script: ["exit 3"] }, forgetful);

  const { end } = await job.done;

  expect(end).toMatchObject({ result: "failed", exitCode: 3 });
  expect(job.text()).not.toContain("Service");
});

it("gives job and dind service privileges, certificates and the mirror, in mode dind", async () => {
  const engine = createFakeEngine();
  const mirror = "http://10.0.2.2:5000";

  await start({ services: [jobService("docker:dind")] }, engine, { docker: "dind", registryMirror: mirror }).done;

  const [job, service] = engine.created;
  const certs = /^mayfly-\w+-certs:\/certs\/client$/;
  expect(service).toMatchObject({ isPrivileged: true, aliases: ["docker"] });
  expect(job).toMatchObject({ isPrivileged: true, extraHosts: [] });
  expect(service?.binds).toContainEqual(expect.stringMatching(certs));
  expect(job?.binds.find((bind) => certs.test(bind))).toBe(service?.binds.find((bind) => certs.test(bind)));
  const config = service?.binds.find((bind) => bind.endsWith(":/etc/docker/daemon.json:ro"));
  expect(JSON.parse(readFileSync(config?.split(":")[0] ?? "", "utf8"))).toEqual({ "registry-mirrors": [mirror] });
});

it("lets a dind job use the machine's own engine, in mode socket", async () => {
  const engine = createFakeEngine();
  const variables = { DOCKER_HOST: "tcp://docker:2376", DOCKER_TLS_VERIFY: "1", KEPT: "yes" };
  const services = [jobService("docker:dind", { aliases: ["engine"] }), jobService("nginx")];
  const job = start({ variables, services, echoCommands: true }, engine, { docker: "socket" });

  await job.done;

  const [build, service] = engine.created;
  expect(engine.created).toHaveLength(2);
  expect(service?.image).toBe("nginx:latest");
  expect(build?.binds).toContain("/var/run/docker.sock:/var/run/docker.sock");
  expect(build?.extraHosts).toEqual(["docker:172.18.0.1", "engine:172.18.0.1"]);
  expect(build?.isPrivileged).toBe(false);
  expect(build?.env).toMatchObject({ KEPT: "yes" });
  expect(build?.env).not.toHaveProperty("DOCKER_HOST");
  expect(build?.env).not.toHaveProperty("DOCKER_TLS_VERIFY");
  expect(job.text()).toContain("Service docker:dind is not started: the machine's own engine takes its place.");
  expect(job.text()).toContain("Left out DOCKER_HOST, DOCKER_TLS_VERIFY");
});

it("leaves an engine elsewhere alone, in mode socket", async () => {
  const engine = createFakeEngine();

  await start({ variables: { DOCKER_HOST: "tcp://build.example.com:2375" } }, engine, { docker: "socket" }).done;

  expect(engine.created[0]?.env).toHaveProperty("DOCKER_HOST", "tcp://build.example.com:2375");
});

it("kills a container that outlives its grace when the job is cancelled, and still runs after_script", async () => {
  const engine = createFakeEngine();
  const job = start(
    { script: ["echo ready", "sleep 300"], afterScript: ["echo after $CI_JOB_STATUS"] },
    engine,
    {},
    { deps: { clock: hastyClock } },
  );
  await job.seen("ready");

  job.cancel.abort(new Error("cancelled"));
  const { end } = await job.done;

  expect(end.result).toBe("cancelled");
  expect(engine.calls).toContain("kill busybox:latest");
  expect(job.text()).toContain("after canceled");
});

it("keeps the job's values out of every command line on the machine", async () => {
  await start({ variables: { TOKEN: "s3cret-value" }, script: ["true s3cret-value"] }, createFakeEngine()).done;

  expect(channel.commands.join()).not.toContain("s3cret-value");
});
