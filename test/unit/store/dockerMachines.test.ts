import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { leaseIdFrom } from "../../../src/domain/ids.ts";
import type { DockerMachineRecord } from "../../../src/ports/dockerMachines.ts";
import { createDockerMachineRecords } from "../../../src/store/dockerMachines.ts";

const record = (id: string, createdAt: number): DockerMachineRecord => ({
  ...{ id, createdAt, name: `name of ${id}`, storagePath: "/runner", poolName: "small", key: "key-of-it" },
  ...{ leaseId: leaseIdFrom("l-1"), state: "creating", isSeen: false },
});
const identity = { port: 20_001, caPem: "ca", caKeyPem: "secret" };

let folder: string;
let dir: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-records-"));
  dir = join(folder, "docker-machines");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it("holds nothing before anything was put", async () => {
  const records = createDockerMachineRecords(dir);

  expect([await records.all(), await records.identity()]).toEqual([[], undefined]);
  await records.remove("dm-1");
});

it("answers what was put last, oldest first, also to the next process, and forgets what is removed", async () => {
  const records = createDockerMachineRecords(dir);
  await records.putIdentity(identity);
  await records.put(record("dm-2", 2));
  await records.put(record("dm-1", 1));
  await records.put({ ...record("dm-2", 2), state: "kept" });
  await records.put(record("dm-3", 3));
  await records.remove("dm-3");

  const next = createDockerMachineRecords(dir);

  expect(await next.all()).toEqual([record("dm-1", 1), { ...record("dm-2", 2), state: "kept" }]);
  expect(await next.identity()).toEqual(identity);
});

it("lets nobody else read them, and leaves no part behind", async () => {
  const records = createDockerMachineRecords(dir);
  await records.putIdentity(identity);
  await records.put(record("dm-1", 1));

  const names = await readdir(dir);
  const modes = await Promise.all([".", ...names].map(async (name) => (await stat(join(dir, name))).mode & 0o777));

  expect([names.toSorted(), modes]).toEqual([
    ["dm-1.json", "door.json"],
    [0o700, 0o600, 0o600],
  ]);
});

it("passes over a damaged record and what a crash left half written", async () => {
  const records = createDockerMachineRecords(dir);
  await records.put(record("dm-1", 1));
  await writeFile(join(dir, "dm-2.json"), "{");
  await writeFile(join(dir, "dm-3.json.part"), JSON.stringify(record("dm-3", 3)));

  expect(await records.all()).toEqual([record("dm-1", 1)]);
});
