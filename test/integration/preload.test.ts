import { execFile } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import type { RunningManager } from "../../src/daemon/compose.ts";
import { endLeft } from "../../src/daemon/mirror/child.ts";
import { mirrorFolderOf } from "../../src/daemon/mirror/mirror.ts";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import { startManager } from "../../src/daemon/start.ts";
import type { Job } from "../../src/domain/job.ts";
import type { LiveMachine, Machine } from "../../src/domain/machine.ts";
import { draftFolders, goldenFolders, goldenRoot } from "../../src/drivers/qemu/golden/folder.ts";
import { readManifest } from "../../src/drivers/qemu/golden/manifest.ts";
import { findByCommand } from "../../src/drivers/qemu/processes.ts";
import type { Manager } from "../../src/ports/manager.ts";
import { jobSpec, silentLogger as logger } from "../support/jobs.ts";
import { ownImagesDir } from "../support/ownImages.ts";
import { makeRealState } from "../support/realState.ts";
import type { RealState } from "../support/realState.ts";
import { startCounting } from "../support/registry/counting.ts";
import type { CountingRegistry } from "../support/registry/counting.ts";
import { freePort } from "../support/registry/mirrorLab.ts";
import { startRegistry } from "../support/registry/start.ts";
import type { Registry } from "../support/registry/start.ts";
import { until } from "../support/until.ts";

// One manager with a mirror and one machine at a time. The tests run in order; in the end nothing can be fetched any more.

/** Set by the integration tier's setup to where it built the guest image. */
const imagesDir = process.env["MAYFLY_TEST_IMAGES_DIR"];
const MINUTE_MS = 60_000;
const never = new AbortController().signal;
/** Where Docker's engine asks when no mirror answers. */
const BUSYBOX = expect.stringMatching(/^busybox@sha256:[0-9a-f]{64}$/) as string;
const DOCKER_HUB = "registry-1.docker.io";

describe.skipIf(imagesDir === undefined)("images before they are asked for (MAYFLY_TEST_IMAGES_DIR)", () => {
  let registry: Registry;
  let upstream: CountingRegistry;
  let hub: CountingRegistry;
  let hubCertificate: string;
  let own: string;
  let state: RealState;
  let running: RunningManager;
  let manager: Manager;

  beforeAll(async () => {
    registry = await startRegistry({}, never);
    upstream = await startCounting(registry.port);
    const tls = await certificateFor(DOCKER_HUB);
    hubCertificate = tls.cert;
    hub = await startCounting(registry.port, tls);
    own = await ownImagesDir(imagesDir ?? "");
    state = await makeRealState(own);
    const config = parseConfig(await configText(), "mayfly.toml", state.stateDir);
    running = await startManager({ config }, "test", logger);
    manager = running.manager;
    await holdUntilSaved();
  });
  afterAll(async () => {
    await running?.close(AbortSignal.abort());
    await state?.remove();
    for (const server of [upstream, hub, registry]) await server?.stop();
    if (own !== undefined) await rm(own, { recursive: true, force: true });
  });

  /** Spares this host a machine that would boot beside the template: the first launch has that made, and is given up. */
  async function holdUntilSaved(): Promise<void> {
    const root = await goldenRoot(own);
    await until("a template boots", MINUTE_MS, async () => (await draftFolders(root)).length > 0);
    await manager.drainPool("small");
  }

  const isDown = (): string => join(state.stateDir, "mirror-is-down");

  async function configText(): Promise<string> {
    const program = join(state.stateDir, "registry");
    await writeFile(program, `#!/bin/sh\n[ -e ${isDown()} ] && exit 1\nexec docker-registry "$@"\n`);
    await chmod(program, 0o755);
    return `name = "test"
[mirror]
listen = "127.0.0.1:${await freePort()}"
upstream = "http://127.0.0.1:${upstream.port}"
program = "${program}"
[[pool]]
name = "small"
max_machines = 1
boot_timeout = "10m"
preload = ["busybox"]
[pool.qemu]
memory = "1GiB"
`;
  }
  const idleMachine = (): Promise<LiveMachine> =>
    until("a machine is idle", 10 * MINUTE_MS, async () =>
      (await manager.machines(false)).find((machine: Machine): machine is LiveMachine => machine.state === "idle"),
    );
  /** Runs a job in a container, on the pool's next machine. Answers how it ended, and what was asked of registries meanwhile. */
  async function run(pullPolicy: "always" | "if-not-present") {
    for (const { asked } of [upstream, hub]) asked.splice(0);
    const spec = jobSpec({ image: { name: "busybox", pullPolicy: [pullPolicy] }, script: ["echo hi"] });
    const { id } = await manager.submitJob(spec);
    const job = await until(`job ${id} ended`, 10 * MINUTE_MS, async (): Promise<Job | false> => {
      const found = await manager.awaitJob(id, MINUTE_MS, never);
      return found.state === "ended" && found;
    });
    const log = await text(manager.jobLog(id, 0, false, never));
    return { job, log, fromUpstream: [...upstream.asked], fromHub: [...hub.asked] };
  }
  const fetched = (asked: readonly string[]): readonly string[] => asked.filter((one) => one.startsWith("GET "));

  it("a template fetches its pool's images through the mirror, and whoever pulls them next asks no more than what the tag is", async () => {
    const saved = await until("the template's state was saved", 10 * MINUTE_MS, async () => {
      const folders = await goldenFolders(await goldenRoot(own));
      const found = (await Promise.all(folders.map(readManifest))).flatMap((golden) => golden?.preloaded ?? []);
      return found.length > 0 && found;
    });
    const forTemplate = upstream.asked.splice(0);
    await manager.resumePool("small");
    const { id } = await idleMachine();

    await runOn(id, "docker pull --quiet busybox && docker image rm busybox");

    expect(saved).toEqual([{ images: [{ image: "busybox", digest: BUSYBOX }], failures: 0 }]);
    expect(fetched(forTemplate).length).toBeGreaterThan(0);
    expect(upstream.asked).toEqual(["HEAD /v2/library/busybox/manifests/latest"]);
    expect(hub.asked).toEqual([]);
  });

  it("a mirror that is gone fails no job: the engine asks Docker Hub itself", async () => {
    const { id } = await idleMachine();
    await knowHub(id);
    await writeFile(isDown(), "");
    await endLeft(join(mirrorFolderOf(state.stateDir), "registry.yml"), clock, never);

    const { job, log, fromUpstream, fromHub } = await run("always");

    expect(job, log).toMatchObject({ end: { result: "success" }, machineId: id });
    expect(fromUpstream).toEqual([]);
    expect(fetched(fromHub).length).toBeGreaterThan(0);
    expect((await manager.health()).problems.join()).toContain("the registry mirror does not serve: it ended with 1");
  });

  it("a restored machine has its pool's images, where nobody can fetch any more", async () => {
    for (const server of [upstream, hub]) await server.stop();
    const { id } = await idleMachine();

    const { job, log } = await run("if-not-present");

    expect(await manager.machine(id)).toMatchObject({ origin: "restored" });
    expect(job, log).toMatchObject({ end: { result: "success" }, machineId: id });
    expect(await manager.pool("small")).not.toHaveProperty("preloadProblems");
  });

  it("a manager with a mirror leaves nothing when it ends", async () => {
    await running.close(AbortSignal.abort());

    expect((await manager.health()).mirror).toMatchObject({ isServing: false });
    expect(await registryPids()).toEqual([]);
    expect(await state.leftovers()).toEqual([]);
  });

  async function registryPids(): Promise<readonly number[]> {
    const settings = join(mirrorFolderOf(state.stateDir), "registry.yml");
    const found = await findByCommand((argv) => (argv.includes(settings) ? settings : undefined));
    return [...found.values()].map(({ pid }) => pid);
  }
  /** Has a machine take the pretended Docker Hub of this host for the real one. */
  async function knowHub(id: LiveMachine["id"]): Promise<void> {
    const script = `set -e
echo "10.0.2.2 ${DOCKER_HUB}" >>/etc/hosts
mkdir -p /etc/ssl/certs
cat >>/etc/ssl/certs/ca-certificates.crt
iptables --wait --table nat --append OUTPUT --destination 10.0.2.2 --protocol tcp --dport 443 --jump DNAT --to-destination 10.0.2.2:${hub.port}`;
    await runOn(id, `sudo -n sh -c '${script}'`, hubCertificate);
  }
  async function runOn(id: LiveMachine["id"], command: string, input = ""): Promise<void> {
    const { stdin, stdout, stderr, exited } = await manager.execOnMachine(id, command, {}, never);
    stdin.end(input);
    const [, said, { exitCode }] = await Promise.all([text(stdout), text(stderr), exited]);
    expect(exitCode, said).toBe(0);
  }
});

/** Makes a certificate that vouches for itself. */
async function certificateFor(host: string): Promise<{ readonly key: string; readonly cert: string }> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-certificate-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert];
  const named = ["-subj", `/CN=${host}`, "-addext", `subjectAltName=DNS:${host}`, "-days", "2"];
  try {
    await promisify(execFile)("openssl", ["req", "-x509", ...made, ...named]);
    return { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
