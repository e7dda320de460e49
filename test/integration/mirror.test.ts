import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MirrorConfig } from "../../src/config/mirror.ts";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import { blobsOf, removeBlobs } from "../../src/daemon/mirror/cache.ts";
import { endLeft } from "../../src/daemon/mirror/child.ts";
import { cacheFolderOf, mirrorFolderOf, startMirror } from "../../src/daemon/mirror/mirror.ts";
import type { Mirror } from "../../src/daemon/mirror/mirror.ts";
import { systemRandom as random } from "../../src/daemon/random.ts";
import { findByCommand } from "../../src/drivers/qemu/processes.ts";
import { silentLogger as logger } from "../support/jobs.ts";
import { startCounting } from "../support/registry/counting.ts";
import type { CountingRegistry } from "../support/registry/counting.ts";
import { freePort } from "../support/registry/mirrorLab.ts";
import { startRegistry } from "../support/registry/start.ts";
import type { Registry } from "../support/registry/start.ts";

const never = new AbortController().signal;
const NAME = "library/busybox";

describe("Debian's docker-registry as a mirror", () => {
  let registry: Registry;
  let upstream: CountingRegistry;
  let stateDir: string;
  let mirror: Mirror;
  let url: string;
  let mirrorConfig: MirrorConfig;

  beforeAll(async () => {
    registry = await startRegistry({}, never);
    upstream = await startCounting(registry.port);
    stateDir = await mkdtemp(join(tmpdir(), "mayfly-mirror-"));
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    mirrorConfig = {
      listen: { host: "127.0.0.1", port },
      upstream: `http://127.0.0.1:${upstream.port}`,
      maxSizeMiB: 64,
    };
    mirror = await startMirror(mirrorConfig, stateDir, { clock, random, logger });
  });
  afterAll(async () => {
    await mirror?.stop();
    await upstream?.stop();
    await registry?.stop();
    if (stateDir !== undefined) await rm(stateDir, { recursive: true, force: true });
  });

  /** Pulls as an engine does. Answers what the upstream was asked for. */
  async function pull(): Promise<readonly string[]> {
    upstream.asked.splice(0);
    const accept = "application/vnd.docker.distribution.manifest.v2+json";
    const answer = await fetch(`${url}/v2/${NAME}/manifests/latest`, { headers: { accept } });
    expect(answer.status).toBe(200);
    const { config, layers } = (await answer.json()) as { config: { digest: string }; layers: { digest: string }[] };
    for (const { digest } of [config, ...layers]) {
      const blob = await fetch(`${url}/v2/${NAME}/blobs/${digest}`);
      expect(blob.status).toBe(200);
      await blob.bytes();
    }
    return [...upstream.asked];
  }
  /** What an upstream that counts would count. */
  const fetched = (asked: readonly string[]): readonly string[] => asked.filter((one) => one.startsWith("GET "));
  const cached = async (): Promise<number> => (await blobsOf(cacheFolderOf(stateDir))).length;

  it("fetches an image once, and asks for no more than what its tag is from then on", async () => {
    const first = await pull();
    // It writes to its cache beside its answers.
    await expect.poll(cached, { timeout: 10_000 }).toBeGreaterThan(2);
    const second = await pull();

    expect(mirror.health()).toMatchObject({ isServing: true, problem: undefined, starts: 1 });
    expect(fetched(first).length).toBeGreaterThan(2);
    expect(second).toEqual([`HEAD /v2/${NAME}/manifests/latest`]);
  });

  it("fetches again what was removed to make room", async () => {
    const blobs = await blobsOf(cacheFolderOf(stateDir));
    await removeBlobs(blobs);

    const again = await pull();
    await expect.poll(cached, { timeout: 10_000 }).toBe(blobs.length);

    expect(fetched(again).length).toBeGreaterThanOrEqual(blobs.length);
    expect(fetched(await pull())).toEqual([]);
  });

  it("leaves no registry, and its place free, when its manager is killed", async () => {
    const other = join(stateDir, "of-another");
    const config = { ...mirrorConfig, listen: { host: "127.0.0.1", port: await freePort() } };
    const script = fileURLToPath(new URL("../support/registry/mirrorInChild.ts", import.meta.url));
    const manager = spawn(process.execPath, [script, other, JSON.stringify(config)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [said] = (await once(manager.stdout, "data")) as [Buffer];
    const before = (await fetch(`http://127.0.0.1:${config.listen.port}/v2/`)).status;

    manager.kill("SIGKILL");

    expect(JSON.parse(said.toString())).toMatchObject({ isServing: true });
    expect(before).toBe(200);
    const settings = join(mirrorFolderOf(other), "registry.yml");
    const running = () => findByCommand((argv) => (argv.includes(settings) ? settings : undefined));
    await expect.poll(async () => (await running()).size, { timeout: 20_000 }).toBe(0);
    const next = await startMirror(config, other, { clock, random, logger });
    const asked = await fetch(`http://127.0.0.1:${config.listen.port}/v2/`);
    await next.stop();
    expect([asked.status, next.health().starts]).toEqual([200, 1]);
    expect((await running()).size).toBe(0);
  });

  it("serves what it has while its upstream is away, before and after it was killed", async () => {
    await upstream.stop();
    const { port } = upstream;

    expect(await pull()).toEqual([]);
    const killed = mirror.health().starts;
    await endLeft(join(mirrorFolderOf(stateDir), "registry.yml"), clock, never);
    await expect
      .poll(() => mirror.health(), { timeout: 20_000 })
      .toMatchObject({ isServing: true, starts: killed + 2 });

    expect(await pull()).toEqual([]);
    expect(mirror.health().problem?.text).toContain(`panic: Get "http://127.0.0.1:${port}/v2/"`);
  });
});
