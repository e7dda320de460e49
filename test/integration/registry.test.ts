import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRegistry } from "../support/registry/start.ts";
import type { Registry } from "../support/registry/start.ts";
import { ensureStandIns } from "../support/standins/ensure.ts";
import { exportStandIns } from "../support/standins/export.ts";
import { STAND_IN_NAMES, STAND_INS } from "../support/standins/images.ts";
import { blobPath } from "../support/standins/storage.ts";

const run = promisify(execFile);
const BUILD_TIMEOUT_MS = 900_000;
const REFERENCES = STAND_IN_NAMES.flatMap((name) =>
  STAND_INS[name].tags.map((tag) => ({ name, repository: STAND_INS[name].repository, tag })),
);

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

describe("the registry of stand-ins", () => {
  const abort = new AbortController();
  let registry: Registry;

  beforeAll(async () => {
    registry = await startRegistry({}, abort.signal);
  }, BUILD_TIMEOUT_MS);

  afterAll(async () => {
    abort.abort();
    await registry.stop();
  });

  async function manifestOf(repository: string, tag: string): Promise<Manifest> {
    const response = await fetch(`${registry.url}/v2/${repository}/manifests/${tag}`, {
      headers: { accept: "application/vnd.docker.distribution.manifest.v2+json" },
    });
    expect(response.status).toBe(200);
    return (await response.json()) as Manifest;
  }

  it.each(REFERENCES)("serves $repository:$tag with its config and its layers", async ({ name, repository, tag }) => {
    const manifest = await manifestOf(repository, tag);
    const config = await fetch(`${registry.url}/v2/${repository}/blobs/${manifest.config.digest}`);
    const layers = await Promise.all(
      manifest.layers.map(({ digest }) =>
        fetch(`${registry.url}/v2/${repository}/blobs/${digest}`, { method: "HEAD" }),
      ),
    );

    expect(await config.json()).toMatchObject({ os: "linux", config: STAND_INS[name].config });
    expect(layers.map((layer) => Number(layer.headers.get("content-length")))).toEqual(
      manifest.layers.map((layer) => layer.size),
    );
  });

  it("answers that it has no such image", async () => {
    const response = await fetch(`${registry.url}/v2/library/absent/manifests/latest`);

    expect(response.status).toBe(404);
  });

  it("takes no pushes", async () => {
    const response = await fetch(`${registry.url}/v2/library/nginx/blobs/uploads/`, { method: "POST" });

    expect(response.ok).toBe(false);
  });

  it("runs beside another on the same cache, and leaves nothing on its port once stopped", async () => {
    const other = await startRegistry({}, abort.signal);
    const answer = await fetch(`${other.url}/v2/`);

    await other.stop();

    expect(answer.status).toBe(200);
    await expect(fetch(`${other.url}/v2/`)).rejects.toThrow("fetch failed");
    expect((await fetch(`${registry.url}/v2/`)).status).toBe(200);
  });

  it("says which words the registry ended with when its port is taken", async () => {
    await expect(startRegistry({ port: registry.port }, abort.signal)).rejects.toThrow("address already in use");
  });
});

describe("the stand-ins", () => {
  it(
    "hold the programs that jobs start",
    async () => {
      const { storage, images } = await ensureStandIns({}, AbortSignal.timeout(BUILD_TIMEOUT_MS));
      const lists = await Promise.all(
        images.dind.layers.map(({ digest }) =>
          run("tar", ["--list", "--file", blobPath(storage, digest)], { maxBuffer: 16 * 1024 ** 2 }),
        ),
      );
      const files = lists.flatMap(({ stdout }) => stdout.split("\n"));

      expect(images.dind.layers).toEqual(expect.arrayContaining([...images.docker.layers]));
      expect(files).toEqual(
        expect.arrayContaining([
          ...["./usr/bin/docker", "./usr/sbin/dockerd", "./usr/bin/openssl", "./usr/bin/wget", "./bin/sh"],
          ...["./usr/local/bin/docker-compose", "./usr/local/bin/docker-entrypoint.sh"],
          "./usr/local/bin/dockerd-entrypoint.sh",
        ]),
      );
    },
    BUILD_TIMEOUT_MS,
  );

  it(
    "export as one archive for `docker load`, a shared layer once",
    async () => {
      const signal = AbortSignal.timeout(BUILD_TIMEOUT_MS);
      const folder = await mkdtemp(join(tmpdir(), "mayfly-export-"));
      const archive = join(folder, "images.tar");
      try {
        await exportStandIns(await ensureStandIns({}, signal), ["docker", "dind", "busybox"], archive, signal);
        const list = await run("tar", ["--list", "--file", archive]);
        const manifest = await run("tar", ["--extract", "--to-stdout", "--file", archive, "manifest.json"]);

        expect(list.stdout.match(/\.tar$/gm)).toHaveLength(3);
        expect((JSON.parse(manifest.stdout) as { RepoTags: string[] }[]).flatMap((image) => image.RepoTags)).toEqual(
          expect.arrayContaining(["docker:24.0.7", "docker:dind", "busybox:latest"]),
        );
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    BUILD_TIMEOUT_MS,
  );
});
