import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock as clock } from "../../../../src/daemon/clock.ts";
import { boundCache } from "../../../../src/daemon/mirror/bound.ts";
import { blobsOf, bytesOf, chooseDoomed } from "../../../../src/daemon/mirror/cache.ts";
import { silentLogger as logger } from "../../../support/jobs.ts";

const blob = (path: string, bytes: number, usedAt: number) => ({ path, bytes, usedAt });

describe("chooseDoomed", () => {
  it("lets all be while the cache is within its bound", () => {
    expect(chooseDoomed([blob("a", 60, 1), blob("b", 40, 2)], 100)).toEqual([]);
  });

  it("takes what was not used for longest, until a tenth is free", () => {
    const [old, older, fresh] = [blob("old", 30, 2), blob("older", 30, 1), blob("fresh", 50, 3)];

    expect(chooseDoomed([old, older, fresh], 100)).toEqual([older]);
    expect(chooseDoomed([old, older, fresh], 80)).toEqual([old, older]);
  });

  it("takes one that is larger than the whole cache", () => {
    expect(chooseDoomed([blob("huge", 200, 3), blob("small", 1, 1)], 100)).toEqual([
      blob("huge", 200, 3),
      blob("small", 1, 1),
    ]);
  });
});

describe("a cache on disk", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "mayfly-cache-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const blobs = (): string => join(folder, "docker/registry/v2/blobs/sha256");
  async function keep(digest: string, bytes: number, usedAt: Date): Promise<void> {
    const path = join(blobs(), digest.slice(0, 2), digest);
    await mkdir(path, { recursive: true });
    await writeFile(join(path, "data"), Buffer.alloc(bytes, 1));
    await utimes(join(path, "data"), usedAt, usedAt);
  }

  it("has no blobs before its first", async () => {
    expect(await blobsOf(folder)).toEqual([]);
  });

  it("is brought below its bound, and says what it takes", async () => {
    await keep("aa01", 400_000, new Date("2026-01-01"));
    await keep("aa02", 400_000, new Date("2026-01-03"));
    await keep("bb03", 400_000, new Date("2026-01-02"));
    const stopping = new AbortController();

    const cache = boundCache(folder, 1_000_000, { clock, logger }, stopping.signal);

    await expect.poll(() => cache.bytes()).toBeGreaterThan(0);
    stopping.abort();
    await cache.ended;
    expect((await readdir(join(blobs(), "aa"))).concat(await readdir(join(blobs(), "bb")))).toEqual(["aa02", "bb03"]);
    expect(cache.bytes()).toBe(bytesOf(await blobsOf(folder)));
  });
});
