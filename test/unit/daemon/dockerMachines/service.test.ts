import { duplexPair } from "node:stream";
import { describe, expect, it } from "vitest";
import { startDockerMachines } from "../../../../src/daemon/dockerMachines/service.ts";
import type { DockerMachineService } from "../../../../src/daemon/dockerMachines/service.ts";
import type {
  DockerMachineRecord,
  DockerMachineRecords,
  LookAtDirectory,
} from "../../../../src/ports/dockerMachines.ts";
import type { ManagerPorts } from "../../../../src/daemon/compose.ts";
import type { Store } from "../../../../src/ports/store.ts";
import type { VirtualClock } from "../../../../src/simulation/clock.ts";
import { createSimulatedDriver } from "../../../../src/simulation/driver.ts";
import { createSimulatedGuest } from "../../../../src/simulation/guest.ts";
import type { SimulatedProvider } from "../../../../src/simulation/provider.ts";
import { createSeededRandom } from "../../../../src/simulation/random.ts";
import { createMemoryStore } from "../../../../src/simulation/store.ts";
import { composeForTest, simulatedConfig } from "../../../support/composed.ts";
import type { ComposedManager } from "../../../support/composed.ts";
import { silentLogger } from "../../../support/jobs.ts";
import { pool } from "../../../support/pools.ts";

const MINUTE_MS = 60_000;
const JOB_TIMEOUT_MS = 60 * MINUTE_MS;
const pools = [pool({ idleCount: 1, jobTimeoutMs: JOB_TIMEOUT_MS })];
const never = new AbortController().signal;

/** A manager with an idle machine, and what it holds for docker-machine, on a pretended clock. */
interface Setting {
  readonly composed: ComposedManager;
  readonly clock: VirtualClock;
  readonly provider: SimulatedProvider;
  readonly store: Store;
  readonly service: DockerMachineService;
  readonly records: Map<string, DockerMachineRecord>;
  /** What is to be seen of directories. */
  seen: Awaited<ReturnType<LookAtDirectory>>;
  openLeases(): Promise<number>;
  /** Hands both over to the next. */
  restart(): Promise<Setting>;
}

async function start(before?: Setting, mortal: Mortal = (_name, call) => call()): Promise<Setting> {
  const store = before?.store ?? { ...createMemoryStore(), close: async () => undefined };
  const records = before?.records ?? new Map<string, DockerMachineRecord>();
  // The machines and the time are those of the manager before.
  const composed = await composeForTest(simulatedConfig({ pools }), { store, ...worldOf(before) });
  const { manager } = composed.running;
  const clock = before?.clock ?? composed.clock;
  const setting: Setting = {
    ...{ composed, clock, store, records, seen: "there" },
    provider: before?.provider ?? composed.provider,
    service: await startDockerMachines({
      manager: {
        ...manager,
        acquireLease: (...args) => mortal("acquire", () => manager.acquireLease(...args)),
        awaitLease: (...args) => mortal("await", () => manager.awaitLease(...args)),
        releaseLease: (id) => mortal("release", () => manager.releaseLease(id)),
        forwardEngine: (id, signal) => manager.forwardEngine(id, signal).then(answering),
      },
      records: recordsIn(records, mortal),
      look: async () => setting.seen,
      ...{ pools: () => pools, clock, random: createSeededRandom(7), logger: silentLogger },
    }),
    openLeases: async () => (await manager.leases(false)).length,
    async restart() {
      await setting.service.close();
      await composed.running.handOver();
      return start(setting);
    },
  };
  await clock.advance(MINUTE_MS);
  return setting;
}

function worldOf(before: Setting | undefined): Partial<ManagerPorts> {
  if (before === undefined) return {};
  const { clock, provider } = before;
  const driver = createSimulatedDriver(provider, "test");
  return {
    clock,
    guest: createSimulatedGuest({ clock, provider }),
    drivers: new Map([["simulated" as const, driver]]),
  };
}

/** What stands between the machines of docker-machine and a port, and may never answer. */
type Mortal = <T>(name: string, call: () => Promise<T>) => Promise<T>;

function recordsIn(map: Map<string, DockerMachineRecord>, mortal: Mortal): DockerMachineRecords {
  return {
    all: async () => [...map.values()],
    put: (record) => mortal("put", async () => void map.set(record.id, record)),
    remove: (id) => mortal("remove", async () => void map.delete(id)),
    identity: async () => undefined,
    putIdentity: async () => undefined,
  };
}

/** An engine that answers to anything. */
function answering() {
  const [near, far] = duplexPair();
  far.once("data", () => far.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"));
  return near;
}

const request = (name: string) => ({ name, storagePath: "/runner", key: `key-of-${name}`, wish: {} });

/** Creates a machine up to where its directory is to be written; answers how to go on. */
async function createReady({ service }: Setting, name: string, signal = never) {
  const events = service.create(request(name), signal)[Symbol.asyncIterator]();
  for (;;) {
    const { value } = await events.next();
    if (value?.kind === "ready") return { id: value.machine.id, machine: value.machine, events };
  }
}

async function createKept(setting: Setting, name: string): Promise<string> {
  const { id, events } = await createReady(setting, name);
  await setting.service.keep(id);
  await events.next();
  return id;
}

describe("a machine that is being created", () => {
  it("ends with its creator's connection", async () => {
    const setting = await start();
    const gone = new AbortController();
    const { events } = await createReady(setting, "x", gone.signal);
    expect(await setting.openLeases()).toBe(1);

    const next = events.next();
    gone.abort(new Error("the client went away"));

    await expect(next).rejects.toThrow("the client went away");
    expect([await setting.openLeases(), setting.records.size]).toEqual([0, 0]);
    await setting.service.close();
  });

  it("ends when its directory is not written in time", async () => {
    const setting = await start();
    const { events } = await createReady(setting, "x");

    const next = expect(events.next()).rejects.toThrow("machine x was not kept in time");
    await setting.clock.advance(2 * MINUTE_MS);

    await next;
    expect([await setting.openLeases(), setting.records.size]).toEqual([0, 0]);
    await setting.service.close();
  });

  it("is not given back by a manager that leaves, and goes on with the next under the same key, and no other", async () => {
    const first = await start();
    const { id, events } = await createReady(first, "x");
    const next = expect(events.next()).rejects.toThrow("the next one goes on");
    const second = await first.restart();
    await next;

    const other = second.service.create({ ...request("x"), key: "another-key" }, never)[Symbol.asyncIterator]();
    await expect(other.next()).rejects.toThrow('Docker machine "x" already exists');
    const again = await createReady(second, "x");

    expect(again.id).toBe(id);
    expect(await second.service.keep(id)).toMatchObject({ state: "kept" });
    await second.clock.advance(10 * MINUTE_MS);
    expect(await second.openLeases()).toBe(1);
    await second.service.close();
  });

  it("ends at the next manager when its creator does not come back", async () => {
    const first = await start();
    const { events } = await createReady(first, "x");
    const next = expect(events.next()).rejects.toThrow();
    const second = await first.restart();
    await next;

    await second.clock.advance(3 * MINUTE_MS);

    expect([await second.openLeases(), second.records.size]).toEqual([0, 0]);
    await second.service.close();
  });
});

describe("a machine that is kept", () => {
  it("lives for as long as its directory does and somebody asks for it", async () => {
    const setting = await start();
    const id = await createKept(setting, "x");

    await setting.clock.advance(JOB_TIMEOUT_MS - MINUTE_MS);
    await setting.service.probe(id, never);
    await setting.clock.advance(2 * MINUTE_MS);
    expect(await setting.openLeases()).toBe(1);
    setting.seen = "gone";
    await setting.clock.advance(MINUTE_MS);

    expect([await setting.openLeases(), setting.records.size]).toEqual([0, 0]);
    await expect(setting.service.probe(id, never)).rejects.toThrow("there is no machine");
    await setting.service.close();
  });

  it.each(["there", "gone", "unknown"] as const)(
    "ends when nobody has asked for it within job_timeout, its directory being %s from the start",
    async (seen) => {
      const setting = await start();
      setting.seen = seen;
      await createKept(setting, "x");

      await setting.clock.advance(JOB_TIMEOUT_MS - MINUTE_MS);
      const before = await setting.openLeases();
      await setting.clock.advance(2 * MINUTE_MS);

      expect([before, await setting.openLeases()]).toEqual([1, 0]);
      await setting.service.close();
    },
  );

  it("is held on by the next manager, and ended by it when the directory went meanwhile", async () => {
    const first = await start();
    await createKept(first, "x");
    const second = await first.restart();
    await second.clock.advance(10 * MINUTE_MS);
    expect(await second.openLeases()).toBe(1);

    const third = await second.restart();
    third.seen = "gone";
    await third.clock.advance(MINUTE_MS);

    expect([await third.openLeases(), third.records.size]).toEqual([0, 0]);
    await third.service.close();
  });

  it("is forgotten once its lease has ended for whatever reason", async () => {
    const setting = await start();
    const id = await createKept(setting, "x");
    const [view] = await setting.service.list();
    await setting.composed.running.manager.releaseLease(view?.leaseId ?? (id as never));

    await setting.clock.advance(MINUTE_MS);

    expect([await setting.service.list(), setting.records.size]).toEqual([[], 0]);
    await setting.service.close();
  });

  it("leaves no key in its record", async () => {
    const setting = await start();
    const { machine } = await createReady(setting, "x");

    expect(machine.keyPem).toContain("PRIVATE KEY");
    expect(JSON.stringify([...setting.records.values()])).not.toContain("PRIVATE KEY");
    await setting.service.close();
  });
});

describe("a manager that is killed at any call of its ports, before its effect or after it", () => {
  /** A whole life: created, kept, removed. Never settles when its manager dies on the way. */
  const live = async (setting: Setting): Promise<void> => {
    const id = await createKept(setting, "x");
    await setting.service.remove(id);
  };
  const countCalls = async (): Promise<readonly string[]> => {
    const names: string[] = [];
    const setting = await start(undefined, (name, call) => {
      names.push(name);
      return call();
    });
    await live(setting);
    await setting.service.close();
    return names;
  };

  it("leaves nothing to the next one but what that ends by itself", async () => {
    const names = await countCalls();
    expect(new Set(names)).toEqual(new Set(["put", "acquire", "await", "release", "remove"]));

    for (const [index, name] of names.entries()) {
      for (const moment of ["before", "after"] as const) {
        let calls = 0;
        const died = Promise.withResolvers<void>();
        const setting = await start(undefined, async (_name, call) => {
          calls += 1;
          if (calls <= index) return call();
          if (calls === index + 1 && moment === "after") await call();
          died.resolve();
          return new Promise(() => undefined);
        });
        void live(setting);
        await died.promise;
        void setting.service.close();
        await setting.composed.running.handOver();

        const next = await start(setting);
        // Its creator died with it, or gave up: the directory never came, or has gone.
        next.seen = "gone";
        await next.clock.advance(JOB_TIMEOUT_MS + 3 * MINUTE_MS);

        expect({ name, moment, open: await next.openLeases(), records: next.records.size }).toEqual({
          ...{ name, moment, open: 0, records: 0 },
        });
        await next.service.close();
        await next.composed.running.handOver();
      }
    }
  });
});
