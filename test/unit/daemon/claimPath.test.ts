import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it, onTestFinished } from "vitest";
import type { JobSpec } from "../../../src/domain/job.ts";
import type { JobLogs } from "../../../src/ports/files.ts";
import type { Driver } from "../../../src/ports/driver.ts";
import type { Guest } from "../../../src/ports/guest.ts";
import type { Change, Store } from "../../../src/ports/store.ts";
import { createVirtualClock } from "../../../src/simulation/clock.ts";
import { createSimulatedDriver } from "../../../src/simulation/driver.ts";
import { createSimulatedGuest } from "../../../src/simulation/guest.ts";
import { createSimulatedProvider } from "../../../src/simulation/provider.ts";
import { createSeededRandom } from "../../../src/simulation/random.ts";
import { createMemoryStore } from "../../../src/simulation/store.ts";
import { composeForTest, simulatedConfig } from "../../support/composed.ts";
import { openLocalChannel } from "../../support/localChannel.ts";
import { pool } from "../../support/pools.ts";

const never = new AbortController().signal;
const forever = new Promise<never>(() => undefined);

/**
 * A manager with one idle machine, in a world that stands still from then on: no time passes, no provider answers, no connection
 * comes about, and of the store's commits so many come to the disk as are let through. What gets done all the same waited for
 * none of these.
 */
async function worldThatStandsStill(commits: number, startsAhead = false) {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-claim-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  const [clock, random] = [createVirtualClock(0), createSeededRandom(1)];
  const provider = createSimulatedProvider({ clock, random });
  let isStill = false;
  const committed: (readonly Change[])[] = [];
  const channel = openLocalChannel(folder);
  const memory = createMemoryStore();
  const store: Store = {
    ...memory,
    commit(changes) {
      if (!isStill) return memory.commit(changes);
      if (committed.length === commits) return forever;
      committed.push(changes);
      return memory.commit(changes);
    },
  };
  const simulated = createSimulatedDriver(provider, "test");
  const driver: Driver = {
    ...simulated,
    launch: (...args) => (isStill ? forever : simulated.launch(...args)),
    list: (...args) => (isStill ? forever : simulated.list(...args)),
    terminate: (...args) => (isStill ? forever : simulated.terminate(...args)),
  };
  const pretended = createSimulatedGuest({ clock, provider });
  const guest: Guest = {
    ...pretended,
    connect: async (...args) => (isStill ? forever : { ...(await pretended.connect(...args)), channel }),
  };
  const said = Promise.withResolvers<string>();
  const logs: JobLogs = {
    create: async () => {
      let written = "";
      return {
        get sizeBytes() {
          return written.length;
        },
        async write(bytes) {
          written += Buffer.from(bytes).toString();
          if (written.includes("first byte")) said.resolve(written);
        },
        close: async () => undefined,
      };
    },
    async *read() {
      yield new Uint8Array();
    },
  };
  const { running } = await composeForTest(
    simulatedConfig({ pools: [pool({ maxMachines: 1, idleCount: 1 })] }),
    { ...{ clock, random, store, guest, logs }, drivers: new Map([["simulated" as const, driver]]) },
    { resumesJobs: false, startsAhead, folders: { builds: join(folder, "builds"), scratch: folder } },
  );
  await clock.advance(60_000);
  const [machine] = await running.manager.machines(false);
  expect(machine?.state).toBe("idle");
  isStill = true;
  return { manager: running.manager, committed, channel, firstByte: said.promise };
}

const JOB: JobSpec = {
  ...{ name: "job", poolName: "small", holder: "test", services: [], variables: {}, echoCommands: false },
  ...{ beforeScript: [], script: ["echo first byte"], afterScript: [] },
};

it("gives an idle machine to who acquires it, and runs a command there, after one commit and nothing else", async () => {
  const { manager, committed } = await worldThatStandsStill(1);

  const { lease } = await manager.acquireLease({ poolName: "small", holder: "test" });
  const process = await manager.execOnLease(lease.id, "echo first byte", {}, never);

  expect(lease.state).toBe("held");
  expect(await text(process.stdout)).toBe("first byte\n");
  expect(committed.map((changes) => changes.map(({ kind }) => kind))).toEqual([
    ["event", "machine-moved", "lease", "event"],
  ]);
});

it("runs a job's script on an idle machine after three commits: the claim, who runs where, and what is about to start", async () => {
  // And that of the job itself, before its submit is answered.
  const { manager, committed, firstByte } = await worldThatStandsStill(4);

  await manager.submitJob(JOB);

  expect(await firstByte).toContain("first byte");
  const events = (changes: readonly Change[]) =>
    changes.flatMap((change) => (change.kind === "event" ? [change.event.what] : []));
  expect(committed.map(events)).toEqual([
    ["job accepted"],
    ["lease asked for", "machine leased"],
    ["job queued", "job part ended", "job started"],
    ["job part ended"],
  ]);
});

it("starts nothing for a job's script that waits on the idle machine already", async () => {
  const { manager, channel, firstByte } = await worldThatStandsStill(4, true);
  expect(channel.commands).toHaveLength(1);

  await manager.submitJob(JOB);

  expect(await firstByte).toContain("first byte");
  expect(channel.commands).toHaveLength(1);
});
