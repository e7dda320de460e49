import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { jobIdFrom, leaseIdFrom, machineIdFrom } from "../../src/domain/ids.ts";
import type { LeaseId } from "../../src/domain/ids.ts";
import type { Machine, MachineIn, MachineState } from "../../src/domain/machine.ts";
import { bootingFrom, idleFrom, leasedFrom, terminatedFrom, terminatingFrom } from "../../src/domain/moves.ts";
import { KEPT_DECISIONS, KEPT_SHADOW_PERIODS } from "../../src/ports/store.ts";
import type { Change, Store } from "../../src/ports/store.ts";
import { jobSpec } from "../support/jobs.ts";
import { endedJob, endedLease, newMachine, someKeys, waitingJob, waitingLease } from "../support/records.ts";

const address = { host: "127.1.1.1", port: 22 };
const added = (id: string): Change => ({ kind: "machine-added", machine: newMachine(id), keys: someKeys });
const moved = (machine: Machine, from: MachineState): Change => ({ kind: "machine-moved", machine, from });

/** One machine in each state, as the legal moves make them. */
function lifeOf(id: string, leaseId: LeaseId = leaseIdFrom("l-1")) {
  const requested = newMachine(id);
  const booting = bootingFrom(requested, `i-${id}`, 1100);
  const idle = idleFrom(booting, address, 1200);
  const leased = leasedFrom(idle, leaseId, 1300);
  const terminating = terminatingFrom(leased, "job-finished", "done", 1400);
  return { requested, booting, idle, leased, terminating, terminated: terminatedFrom(terminating, 1500) };
}

async function addTerminated(store: Store, id: string): Promise<void> {
  const terminating: MachineIn<"terminating"> = terminatingFrom(newMachine(id), "operator", "by hand", 1400);
  await store.commit([
    added(id),
    moved(terminating, "requested"),
    moved(terminatedFrom(terminating, 1500), "terminating"),
  ]);
}

/** What every store does. @param open makes an empty one that keeps at most `maxRecords` of what is over. */
export function describeStore(title: string, open: (maxRecords: number) => Promise<Store>): void {
  describe(title, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open(1000);
    });
    afterEach(() => store.close());

    it("answers undefined and empty lists for what it never saw", async () => {
      expect(await store.machine(machineIdFrom("m-0"))).toBeUndefined();
      expect(await store.keysOf(machineIdFrom("m-0"))).toBeUndefined();
      expect(await store.lease(leaseIdFrom("l-0"))).toBeUndefined();
      expect(await store.job(jobIdFrom("j-0"))).toBeUndefined();
      expect(await store.jobSpec(jobIdFrom("j-0"))).toBeUndefined();
      expect(await store.jobProgress(jobIdFrom("j-0"))).toBeUndefined();
      expect(await store.liveMachines()).toEqual([]);
      expect(await store.eventsOf(jobIdFrom("j-0"))).toEqual([]);
    });

    it("carries a machine through its whole life", async () => {
      const life = lifeOf("m-1");
      await store.commit([added("m-1")]);
      for (const [from, to] of [
        ["requested", "booting"],
        ["booting", "idle"],
        ["idle", "leased"],
        ["leased", "terminating"],
        ["terminating", "terminated"],
      ] as const) {
        await store.commit([moved(life[to], from)]);

        expect(await store.machine(life.requested.id)).toEqual(life[to]);
      }
    });

    it("forgets a machine's keys when it is terminated, not before", async () => {
      const { terminating, terminated } = lifeOf("m-1");
      await store.commit([added("m-1"), moved({ ...terminating, leaseId: undefined }, "requested")]);

      expect(await store.keysOf(terminated.id)).toEqual(someKeys);

      await store.commit([moved(terminated, "terminating")]);

      expect(await store.keysOf(terminated.id)).toBeUndefined();
    });

    it("refuses a move from a state that the machine is not in", async () => {
      const { booting, idle } = lifeOf("m-1");
      await store.commit([added("m-1")]);

      await expect(store.commit([moved(idle, "booting")])).rejects.toMatchObject({ code: "machine-changed" });
      await expect(store.commit([moved({ ...booting, id: machineIdFrom("m-2") }, "requested")])).rejects.toMatchObject({
        code: "machine-changed",
      });
    });

    it("refuses every illegal move", async () => {
      const { leased, idle, terminated, terminating } = lifeOf("m-1");
      await store.commit([added("m-1")]);

      await expect(store.commit([moved(leased, "requested")])).rejects.toMatchObject({ code: "illegal-move" });
      await store.commit([moved(terminating, "requested"), moved(terminated, "terminating")]);
      await expect(store.commit([moved(idle, "terminated")])).rejects.toMatchObject({ code: "illegal-move" });
      await expect(store.commit([moved(terminated, "terminated")])).rejects.toMatchObject({ code: "illegal-move" });
    });

    it("never leases a leased machine again", async () => {
      const { booting, idle, leased } = lifeOf("m-1");
      const other = lifeOf("m-1", leaseIdFrom("l-2")).leased;
      await store.commit([added("m-1"), moved(booting, "requested"), moved(idle, "booting"), moved(leased, "idle")]);

      await expect(store.commit([moved(other, "leased")])).rejects.toMatchObject({ code: "illegal-move" });
      await expect(store.commit([moved(other, "idle")])).rejects.toMatchObject({ code: "machine-changed" });
      await expect(store.commit([moved(idle, "leased")])).rejects.toMatchObject({ code: "illegal-move" });
      expect(await store.machine(leased.id)).toEqual(leased);
    });

    it("keeps the first reason of a terminating machine", async () => {
      const first = terminatingFrom(newMachine("m-1"), "boot-timeout", "too slow", 1400);
      await store.commit([added("m-1"), moved(first, "requested")]);

      const later: Machine = { ...first, reason: "operator" };

      await expect(store.commit([moved(later, "terminating")])).rejects.toMatchObject({ code: "illegal-move" });
    });

    it("lets a record change within its state", async () => {
      const cordoned: Machine = { ...newMachine("m-1"), isCordoned: true };
      await store.commit([added("m-1"), moved(cordoned, "requested")]);

      expect(await store.machine(cordoned.id)).toEqual(cordoned);
    });

    it("refuses a second machine under one id, and a new one that is not requested", async () => {
      await store.commit([added("m-1")]);

      await expect(store.commit([added("m-1")])).rejects.toMatchObject({ code: "machine-exists" });
      const change: Change = { kind: "machine-added", machine: lifeOf("m-2").idle, keys: someKeys };
      await expect(store.commit([change])).rejects.toMatchObject({ code: "illegal-move" });
    });

    it("takes all changes of a commit or none", async () => {
      await store.commit([added("m-1"), { kind: "job", job: waitingJob("j-1"), spec: jobSpec() }]);
      const refused = store.commit([
        added("m-2"),
        { kind: "lease", lease: waitingLease("l-1") },
        { kind: "job", job: endedJob("j-1") },
        { kind: "event", event: { at: 1, jobId: jobIdFrom("j-1"), what: "job ended", detail: "" } },
        added("m-1"),
      ]);

      await expect(refused).rejects.toMatchObject({ code: "machine-exists" });
      expect(await store.liveMachines()).toEqual([newMachine("m-1")]);
      expect(await store.keysOf(machineIdFrom("m-2"))).toBeUndefined();
      expect(await store.openLeases()).toEqual([]);
      expect(await store.openJobs()).toEqual([waitingJob("j-1")]);
      expect(await store.jobSpec(jobIdFrom("j-1"))).toEqual(jobSpec());
      expect(await store.eventsOf(jobIdFrom("j-1"))).toEqual([]);
    });

    it("refuses one of many simultaneous commits and keeps the others", async () => {
      const ids = Array.from({ length: 50 }, (_, index) => `m-${index === 30 ? 10 : index}`);

      const settled = await Promise.allSettled(ids.map((id) => store.commit([added(id)])));

      expect(settled.flatMap(({ status }, index) => (status === "rejected" ? [index] : []))).toEqual([30]);
      expect((await store.liveMachines()).map(({ id }) => id)).toEqual(ids.filter((_, index) => index !== 30));
    });

    it("lists what lives oldest first, and what was recent newest first", async () => {
      const { booting } = lifeOf("m-1");
      await store.commit([added("m-1"), added("m-2"), added("m-3"), moved(booting, "requested")]);
      await addTerminated(store, "m-4");

      expect((await store.liveMachines()).map(({ id }) => id)).toEqual(["m-1", "m-2", "m-3"]);
      expect((await store.recentMachines(3)).map(({ id }) => id)).toEqual(["m-4", "m-3", "m-2"]);
    });

    it("keeps leases, and those that have not ended apart", async () => {
      await store.commit([
        { kind: "lease", lease: waitingLease("l-1") },
        { kind: "lease", lease: waitingLease("l-2") },
        { kind: "lease", lease: endedLease("l-1") },
      ]);

      expect(await store.openLeases()).toEqual([waitingLease("l-2")]);
      expect(await store.lease(leaseIdFrom("l-1"))).toEqual(endedLease("l-1"));
      expect((await store.recentLeases(10)).map(({ id }) => id)).toEqual(["l-2", "l-1"]);
    });

    it("reopens neither a lease nor a job that has ended", async () => {
      await store.commit([
        { kind: "lease", lease: endedLease("l-1") },
        { kind: "job", job: endedJob("j-1") },
      ]);

      await expect(store.commit([{ kind: "lease", lease: waitingLease("l-1") }])).rejects.toMatchObject({
        code: "lease-ended",
      });
      await expect(store.commit([{ kind: "job", job: waitingJob("j-1") }])).rejects.toMatchObject({
        code: "job-ended",
      });
    });

    it("keeps a job's spec while the job lasts, whatever its text holds", async () => {
      const id = jobIdFrom("j-1");
      const spec = jobSpec({ script: ["printf '\u0001\u2028\ud800é\"\\'", "x".repeat(10_000_000)] });
      await store.commit([{ kind: "job", job: waitingJob("j-1"), spec }]);
      await store.commit([{ kind: "job", job: { ...waitingJob("j-1"), startedAt: 5 } }]);

      expect(await store.jobSpec(id)).toEqual(spec);

      await store.commit([{ kind: "job", job: endedJob("j-1") }]);

      expect(await store.jobSpec(id)).toBeUndefined();
      expect(await store.recentJobs(1)).toEqual([endedJob("j-1")]);
    });

    it("keeps how far a job is while it runs, over records that do not say", async () => {
      const id = jobIdFrom("j-1");
      const running = { ...waitingJob("j-1"), state: "running", startedAt: 5 } as const;
      const progress = { phase: "ended", end: { result: "success", exitCode: 0 }, logBytes: 7 } as const;
      await store.commit([{ kind: "job", job: waitingJob("j-1"), spec: jobSpec() }]);
      await store.commit([{ kind: "job", job: running, progress }]);
      await store.commit([{ kind: "job", job: { ...running, phasesMs: { queued: 1 } } }]);

      expect(await store.jobProgress(id)).toEqual(progress);

      await store.commit([{ kind: "job", job: waitingJob("j-1") }]);

      expect(await store.jobProgress(id)).toBeUndefined();
      expect(await store.jobSpec(id)).toEqual(jobSpec());

      await store.commit([{ kind: "job", job: running, progress }]);
      await store.commit([{ kind: "job", job: endedJob("j-1") }]);

      expect(await store.jobProgress(id)).toBeUndefined();
    });

    it("finds an event under each of its owners, oldest first", async () => {
      const event = { at: 1, jobId: jobIdFrom("j-1"), leaseId: leaseIdFrom("l-1"), what: "job leased", detail: "" };
      const next = { at: 2, jobId: jobIdFrom("j-1"), what: "job ended", detail: "exit code 0" };
      await store.commit([
        { kind: "event", event },
        { kind: "event", event: next },
      ]);

      expect(await store.eventsOf(jobIdFrom("j-1"))).toEqual([event, next]);
      expect(await store.eventsOf(leaseIdFrom("l-1"))).toEqual([event]);
    });

    it("refuses work after its close, which may come twice", async () => {
      await store.close();
      await store.close();

      await expect(store.commit([added("m-1")])).rejects.toMatchObject({ code: "store-closed" });
      await expect(store.liveMachines()).rejects.toMatchObject({ code: "store-closed" });
    });

    it("keeps one memory of a pool, the last that was written", async () => {
      expect(await store.poolMemory("small")).toBeUndefined();

      await store.commit([{ kind: "pool-memory", poolName: "small", memory: "old" }]);
      await store.commit([{ kind: "pool-memory", poolName: "large", memory: "other" }]);
      await store.commit([{ kind: "pool-memory", poolName: "small", memory: "new" }]);

      expect([await store.poolMemory("small"), await store.poolMemory("large")]).toEqual(["new", "other"]);
    });

    it("keeps the newest decisions of each pool, newest first", async () => {
      const decide = (poolName: string, at: number): Change => ({
        kind: "level-decided",
        decision: { poolName, at, record: `${poolName} ${at}` },
      });
      await store.commit([decide("large", 1)]);
      for (let at = 1; at <= KEPT_DECISIONS + 3; at += 1) await store.commit([decide("small", at)]);

      const kept = await store.decisionsOf("small", 1_000);

      expect(kept).toHaveLength(KEPT_DECISIONS);
      expect(kept.slice(0, 2)).toEqual([
        { poolName: "small", at: KEPT_DECISIONS + 3, record: `small ${KEPT_DECISIONS + 3}` },
        { poolName: "small", at: KEPT_DECISIONS + 2, record: `small ${KEPT_DECISIONS + 2}` },
      ]);
      expect(await store.decisionsOf("small", 1)).toHaveLength(1);
      expect(await store.decisionsOf("large", 9)).toEqual([{ poolName: "large", at: 1, record: "large 1" }]);
    });

    it("keeps how shadows stand and the newest stretches of each, and forgets a shadow whole", async () => {
      const recorded = (shadowName: string, at: number): Change => ({
        kind: "shadow-recorded",
        period: { poolName: "small", shadowName, at, record: `${shadowName} ${at}` },
      });
      const remembered = (shadowName: string, memory?: string): Change => ({
        ...{ kind: "shadow-memory", poolName: "small", shadowName, memory },
      });
      await store.commit([remembered("a", "old"), remembered("b", "other"), recorded("b", 1)]);
      await store.commit([remembered("a", "new")]);
      for (let at = 1; at <= KEPT_SHADOW_PERIODS + 3; at += 1) await store.commit([recorded("a", at)]);

      const kept = await store.shadowPeriods("small", "a", 1_000);
      const memories = [...(await store.shadowMemories("small"))].toSorted();
      await store.commit([remembered("a")]);

      expect(memories).toEqual([
        ["a", "new"],
        ["b", "other"],
      ]);
      expect(await store.shadowMemories("large")).toEqual(new Map());
      expect(kept).toHaveLength(KEPT_SHADOW_PERIODS);
      expect(kept[0]).toMatchObject({ at: KEPT_SHADOW_PERIODS + 3, record: `a ${KEPT_SHADOW_PERIODS + 3}` });
      expect([...(await store.shadowMemories("small")).keys()]).toEqual(["b"]);
      expect(await store.shadowPeriods("small", "a", 9)).toEqual([]);
      expect(await store.shadowPeriods("small", "b", 9)).toHaveLength(1);
    });
  });
}
