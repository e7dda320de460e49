import { describe, expect, it } from "vitest";
import { createSweeper } from "../../../../src/daemon/sweep.ts";
import type { Sweeper } from "../../../../src/daemon/sweep.ts";
import { TransientError } from "../../../../src/domain/errors.ts";
import { machineIdFrom } from "../../../../src/domain/ids.ts";
import type { MachineIn } from "../../../../src/domain/machine.ts";
import { bootingFrom, terminatedFrom, terminatingFrom } from "../../../../src/domain/moves.ts";
import type { Store } from "../../../../src/ports/store.ts";
import { createVirtualClock } from "../../../../src/simulation/clock.ts";
import type { VirtualClock } from "../../../../src/simulation/clock.ts";
import { createSimulatedDriver } from "../../../../src/simulation/driver.ts";
import { createSimulatedProvider } from "../../../../src/simulation/provider.ts";
import type { ProviderInstance, SimulatedProvider } from "../../../../src/simulation/provider.ts";
import { createSeededRandom } from "../../../../src/simulation/random.ts";
import { createMemoryStore } from "../../../../src/simulation/store.ts";
import { composeForTest } from "../../../support/composed.ts";
import { newMachine, someKeys } from "../../../support/records.ts";

const signal = new AbortController().signal;

interface Site {
  readonly clock: VirtualClock;
  readonly provider: SimulatedProvider;
  readonly store: Store;
  readonly sweeper: Sweeper;
  /** Has the provider hold an instance. */
  add(machineId: string, owner?: string): ProviderInstance;
}

/** A store and a provider, and nobody who works with both. */
function createSite(): Site {
  const clock = createVirtualClock(1_000_000);
  const provider = createSimulatedProvider({ clock, random: createSeededRandom(1) });
  const store = createMemoryStore();
  const sweeper = createSweeper(store, new Map([["simulated", createSimulatedDriver(provider, "test")]]), clock);
  return {
    ...{ clock, provider, store, sweeper },
    add: (machineId, owner = "test") =>
      provider.driverSide.add({
        owner,
        token: `t-${machineId}`,
        machineId: machineIdFrom(machineId),
        poolName: "small",
      }),
  };
}

async function keepBooting(store: Store, id: string, providerId: string): Promise<MachineIn<"booting">> {
  const requested = newMachine(id);
  const booting = bootingFrom(requested, providerId, 2_000);
  await store.commit([
    { kind: "machine-added", machine: requested, keys: someKeys },
    { kind: "machine-moved", machine: booting, from: "requested" },
  ]);
  return booting;
}

async function keepTerminated(store: Store, id: string, providerId: string, at: number): Promise<void> {
  const booting = await keepBooting(store, id, providerId);
  const terminating = terminatingFrom(booting, "max-age", "too old", at);
  await store.commit([
    { kind: "machine-moved", machine: terminating, from: "booting" },
    { kind: "machine-moved", machine: terminatedFrom(terminating, at), from: "terminating" },
  ]);
}

describe("an audit", () => {
  it("says of each instance what it is, and of each record whose instance is not there", async () => {
    const { clock, store, sweeper, add } = createSite();
    await keepBooting(store, "m-ours", add("m-ours").providerId);
    await store.commit([{ kind: "machine-added", machine: newMachine("m-asked"), keys: someKeys }]);
    add("m-asked");
    add("m-nobody");
    add("m-theirs", "somebody else");
    await keepTerminated(store, "m-back", add("m-back").providerId, clock.now() - 300_000);
    await keepTerminated(store, "m-late", add("m-late").providerId, clock.now() - 10_000);
    await keepBooting(store, "m-twice", "sim-first");
    add("m-twice");

    const views = await sweeper.auditInstances(signal);

    expect(views.map(({ machineId, verdict, what }) => [machineId, verdict, what])).toEqual([
      ["m-ours", "ours", "booting"],
      ["m-asked", "ours", "requested"],
      ["m-nobody", "stranger", "no record knows it"],
      ["m-back", "stranger", "its record says that it was terminated 300 s ago: max-age"],
      ["m-late", "ending", "terminated 10 s ago: max-age"],
      ["m-twice", "stranger", "a second instance of m-twice, whose own is sim-first"],
      ["m-twice", "missing", "booting, and not in the provider's list"],
    ]);
  });

  it("changes nothing", async () => {
    const { provider, store, sweeper, add } = createSite();
    add("m-nobody");

    await sweeper.auditInstances(signal);

    expect(provider.instances()).toHaveLength(1);
    expect(await store.eventsOf(machineIdFrom("m-nobody"))).toEqual([]);
  });

  it("fails when a list cannot be had, rather than show a part", async () => {
    const { provider, sweeper } = createSite();
    provider.failNext("list", new TransientError("throttled", "not now"));

    await expect(sweeper.auditInstances(signal)).rejects.toThrow("not now");
  });

  it("waits no longer than a minute for a provider", async () => {
    const { clock, store, provider } = createSite();
    const driver = { ...createSimulatedDriver(provider, "test"), list: () => new Promise<never>(() => undefined) };
    const audit = createSweeper(store, new Map([["simulated", driver]]), clock)
      .auditInstances(signal)
      .catch((error: unknown) => error);

    await clock.advance(60_000);

    expect(await audit).toMatchObject({ code: "list-timeout" });
  });
});

describe("a reap", () => {
  it("ends the strangers at once and on record, and nothing else", async () => {
    const { provider, store, sweeper, add } = createSite();
    const ours = add("m-ours");
    await keepBooting(store, "m-ours", ours.providerId);
    const theirs = add("m-theirs", "somebody else");
    add("m-nobody");

    const views = await sweeper.reapStrangers(signal);

    expect(views.map(({ machineId, outcome }) => [machineId, outcome])).toEqual([
      ["m-ours", undefined],
      ["m-nobody", "ended"],
    ]);
    expect(provider.instances()).toEqual([ours, theirs]);
    expect(await store.eventsOf(machineIdFrom("m-nobody"))).toMatchObject([
      { what: "instance reaped", detail: "by an operator: no record knows it" },
    ]);
  });

  it("removes what is left over beside instances, on record, and an audit shows it", async () => {
    const { clock, store, provider, add } = createSite();
    const ours = add("m-ours");
    await keepBooting(store, "m-ours", ours.providerId);
    const removed: string[] = [];
    const driver = {
      ...createSimulatedDriver(provider, "test"),
      listLeftovers: async () => [
        { id: "vol-1", machineId: machineIdFrom("m-gone"), poolName: "small", createdAt: 5, what: "a volume" },
        { id: "eni-1", what: "an interface" },
      ],
      async removeLeftover(id: string) {
        if (id === "eni-1") throw new TransientError("throttled", "not now");
        removed.push(id);
      },
    };
    const sweeper = createSweeper(store, new Map([["simulated", driver]]), clock);

    const shown = await sweeper.auditInstances(signal);
    const views = await sweeper.reapStrangers(signal);

    const volume = { providerId: "vol-1", machineId: "m-gone", poolName: "small", launchedAt: 5, what: "a volume" };
    const nic = { providerId: "eni-1", machineId: "unknown", poolName: "unknown", what: "an interface" };
    expect(shown.slice(1)).toMatchObject([volume, nic].map((one) => ({ ...one, verdict: "stranger" })));
    expect(views.map(({ providerId, outcome }) => [providerId, outcome])).toEqual([
      [ours.providerId, undefined],
      ["vol-1", "ended"],
      ["eni-1", "not ended: not now"],
    ]);
    expect(removed).toEqual(["vol-1"]);
    expect(provider.instances()).toEqual([ours]);
    expect(await store.eventsOf(machineIdFrom("m-gone"))).toMatchObject([
      { what: "leftover removed", detail: "by an operator: a volume" },
    ]);
  });

  it("says which it could not end, and goes on with the others", async () => {
    const { provider, sweeper, add } = createSite();
    add("m-1");
    add("m-2");
    provider.failNext("terminate", new TransientError("throttled", "not now"));

    const views = await sweeper.reapStrangers(signal);

    expect(views.map(({ outcome }) => outcome)).toEqual(["not ended: not now", "ended"]);
  });

  it("works beside a manager, before its own loop would dare", async () => {
    const { clock, provider, running } = await composeForTest();
    await clock.advance(60_000);
    const { driverSide } = provider;
    driverSide.add({ owner: "test", token: "t-x", machineId: machineIdFrom("m-nobody"), poolName: "small" });

    const audit = await running.manager.auditInstances(signal);
    const reaped = await running.manager.reapStrangers(signal);

    expect(audit.map(({ verdict }) => verdict)).toEqual(["ours", "stranger"]);
    expect(reaped.map(({ outcome }) => outcome)).toEqual([undefined, "ended"]);
    expect(provider.instances()).toHaveLength(1);
  });
});
