import { describe, expect, it } from "vitest";
import { createReconnectingManager } from "../../../src/api/reconnect.ts";
import { NotFoundError, SystemError, TransientError } from "../../../src/domain/errors.ts";
import { jobIdFrom } from "../../../src/domain/ids.ts";
import type { Manager } from "../../../src/ports/manager.ts";
import { createVirtualClock } from "../../../src/simulation/clock.ts";
import { createSeededRandom } from "../../../src/simulation/random.ts";
import { jobSpec } from "../../support/jobs.ts";
import { waitingJob } from "../../support/records.ts";

const MINUTE_MS = 60_000;
const never = new AbortController().signal;
const absent = (): Error => new SystemError("no-daemon", "no mayfly daemon answers");
const cut = (): Error => new TransientError("connection-lost", "the connection broke");

/** A manager whose questions fail as the script says, then answer; `isThere` decides about its signs of life. */
function setUp(answers: Partial<Manager>, failures: readonly Error[] = []) {
  const clock = createVirtualClock(0);
  const left = [...failures];
  const told: string[] = [];
  const asked: string[] = [];
  const interrupt = new AbortController();
  const hurry = new AbortController();
  const state = { isThere: true, probes: 0 };
  const manager = {
    async health() {
      state.probes += 1;
      if (!state.isThere) throw absent();
      return { status: "ok" };
    },
    async pools() {
      asked.push("pools");
      const failure = left.shift();
      if (failure !== undefined) throw failure;
      return [];
    },
    ...answers,
  } as Partial<Manager> as Manager;
  const patient = createReconnectingManager(manager, {
    ...{ timeoutMs: 2 * MINUTE_MS, clock, random: createSeededRandom(1) },
    ...{ tell: (text: string) => told.push(text), interrupt: interrupt.signal, hurry: hurry.signal },
  });
  return { clock, told, asked, failures: left, state, interrupt, hurry, patient };
}

/** Answers how a promise ended, once it has. */
function watch<T>(promise: Promise<T>): { value?: T; error?: unknown; isDone: boolean } {
  const seen: { value?: T; error?: unknown; isDone: boolean } = { isDone: false };
  promise.then(
    (value) => Object.assign(seen, { value, isDone: true }),
    (error: unknown) => Object.assign(seen, { error, isDone: true }),
  );
  return seen;
}

describe("a question to a manager", () => {
  it("that never was there fails at once", async () => {
    const { patient, told, state } = setUp({}, [absent()]);

    await expect(patient.pools()).rejects.toMatchObject({ code: "no-daemon" });
    expect([told, state.probes]).toEqual([[], 0]);
  });

  it("that went away is asked again when it is back, which is told once", async () => {
    const { patient, told, asked, state, clock } = setUp({}, [cut(), absent()]);
    state.isThere = false;
    const pools = watch(patient.pools());

    await clock.advance(MINUTE_MS);
    const during = [...told];
    state.isThere = true;
    await clock.advance(5_000);

    expect(during).toEqual(["the manager is away, waiting for it for up to 2m"]);
    expect(pools).toMatchObject({ isDone: true, value: [] });
    expect(told.slice(1)).toEqual(["the manager is back"]);
    expect(asked).toHaveLength(3);
  });

  it("that breaks off alone is asked again without a word", async () => {
    const { patient, told, clock } = setUp({}, [cut()]);
    const pools = watch(patient.pools());

    await clock.advance(1_000);

    expect(pools.value).toEqual([]);
    expect(told).toEqual([]);
  });

  it("is given up after the time, which is not begun anew by a manager that does not stay", async () => {
    const flapping = setUp({}, [cut(), ...Array.from({ length: 1_000 }, cut)]);
    flapping.state.isThere = false;
    const pools = watch(flapping.patient.pools());
    await flapping.clock.advance(MINUTE_MS);
    flapping.state.isThere = true;
    await flapping.clock.advance(MINUTE_MS - 1_000);

    expect(pools.isDone).toBe(false);
    await flapping.clock.advance(1_000);

    expect(pools.error).toMatchObject({ code: "connection-lost" });
    expect(flapping.told.filter((text) => text.includes("away"))).toHaveLength(1);
  });

  it("has the whole time again after a manager that stayed", async () => {
    const { patient, state, clock, told, failures } = setUp({}, [cut()]);
    const absence = async (): Promise<unknown> => {
      const pools = watch(patient.pools());
      state.isThere = false;
      await clock.advance(110_000);
      state.isThere = true;
      await clock.advance(15_000);
      return pools.value;
    };
    const first = await absence();
    failures.push(cut());
    const second = await absence();

    expect([first, second]).toEqual([[], []]);
    expect(told.filter((text) => text.startsWith("the manager is away"))).toHaveLength(2);
  });

  it("ends with what to say to a person when nobody comes back in time", async () => {
    const { patient, state, clock } = setUp({}, [cut()]);
    state.isThere = false;
    const pools = watch(patient.pools());

    await clock.advance(2 * MINUTE_MS - 1);
    expect(pools.isDone).toBe(false);
    await clock.advance(1);

    expect(pools.error).toMatchObject({ name: "SystemError", code: "manager-away" });
    expect(String(pools.error)).toContain("the manager did not come back within 2m");
  });

  it("looks for the manager less and less often, and not at the same instant as others", async () => {
    const one = setUp({}, [cut()]);
    one.state.isThere = false;
    void watch(one.patient.pools());

    await one.clock.advance(1_000);
    const early = one.state.probes;
    await one.clock.advance(100_000);

    expect(early).toBeGreaterThanOrEqual(3);
    expect(one.state.probes - early).toBeGreaterThanOrEqual(50);
    expect(one.state.probes - early).toBeLessThanOrEqual(101);
  });

  it("does not wait for a manager that takes connections and says nothing", async () => {
    const { patient, told, clock } = setUp({ health: () => new Promise(() => undefined) }, [cut()]);
    const pools = watch(patient.pools());

    await clock.advance(2 * MINUTE_MS + 5_000);

    expect(pools.error).toMatchObject({ code: "manager-away" });
    expect(told).toHaveLength(1);
  });

  it("ends with its own signal, and with the hurry of a second interrupt", async () => {
    const { patient, state, clock, told, interrupt, hurry } = setUp({ awaitJob: () => Promise.reject(cut()) }, [cut()]);
    state.isThere = false;
    const own = new AbortController();
    const aborted = watch(patient.awaitJob(jobIdFrom("j-1"), 1, own.signal));
    const hurried = watch(patient.pools());
    await clock.advance(1_000);

    own.abort(new Error("mine"));
    interrupt.abort();
    await clock.advance(0);
    const afterFirst = hurried.isDone;
    hurry.abort();
    await clock.advance(0);

    expect(aborted.error).toMatchObject({ message: "mine" });
    expect(afterFirst).toBe(false);
    expect(told.at(-1)).toBe("the manager is still away; interrupt again to leave without it");
    expect(hurried.error).toMatchObject({ code: "manager-away" });
  });

  it("passes on what a manager answers, errors too", async () => {
    const { patient } = setUp({ job: () => Promise.reject(new NotFoundError("unknown-job", "there is no job")) });

    await expect(patient.job(jobIdFrom("j-1"))).rejects.toThrow(NotFoundError);
  });
});

describe("what must not happen twice", () => {
  it("carries one key, made once, however often it is sent", async () => {
    const keys: unknown[] = [];
    const { patient, clock } = setUp({
      submitJob: async (_spec, key) => {
        keys.push(key);
        if (keys.length < 3) throw cut();
        return waitingJob("j-1");
      },
    });
    const submitted = watch(patient.submitJob(jobSpec()));

    await clock.advance(10_000);
    await patient.submitJob(jobSpec());

    expect(submitted.value).toMatchObject({ id: "j-1" });
    expect(keys[0]).toMatch(/^key-\w{10,}$/);
    expect([keys[1], keys[2]]).toEqual([keys[0], keys[0]]);
    expect(keys[3]).not.toBe(keys[0]);
  });
});

describe("an upload", () => {
  const upload = (bytes: AsyncIterable<Uint8Array>) => {
    const got: string[] = [];
    const { patient, clock } = setUp({
      async putArchive(parts) {
        let text = "";
        for await (const part of parts) {
          text += Buffer.from(part).toString();
          if (got.length === 0) {
            got.push(text);
            throw cut();
          }
        }
        got.push(text);
        return "archive-1";
      },
    });
    return { got, clock, done: watch(patient.putArchive(bytes, never)) };
  };
  async function* parts(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("a");
    yield Buffer.from("b");
  }

  it("that breaks is sent anew from its start", async () => {
    const { got, done, clock } = upload({ [Symbol.asyncIterator]: parts });

    await clock.advance(5_000);

    expect(done.value).toBe("archive-1");
    expect(got).toEqual(["a", "ab"]);
  });

  it("that can be read but once is not sent cut short", async () => {
    const { got, done, clock } = upload(parts());

    await clock.advance(5_000);

    expect(done.error).toMatchObject({ code: "connection-lost" });
    expect(got).toEqual(["a"]);
  });
});

describe("a log", () => {
  it("goes on at its byte, wherever it broke off", async () => {
    const log = Buffer.from("0123456789");
    const offsets: number[] = [];
    const { patient, clock, state } = setUp({
      async *jobLog(_id, offset) {
        offsets.push(offset);
        if (offset === 4 && offsets.length === 2) throw absent();
        yield log.subarray(offset, offset + 2);
        if (offset + 2 < log.length) yield log.subarray(offset + 2, offset + 4);
        if (offset + 4 < log.length) throw cut();
      },
    });
    let text = "";
    const read = async (): Promise<void> => {
      for await (const bytes of patient.jobLog(jobIdFrom("j-1"), 0, true, never)) text += Buffer.from(bytes).toString();
    };
    const done = watch(read());

    await clock.advance(0);
    state.isThere = false;
    await clock.advance(20_000);
    state.isThere = true;
    await clock.advance(20_000);

    expect(done).toEqual({ isDone: true, value: undefined });
    expect(text).toBe("0123456789");
    expect(offsets).toEqual([0, 4, 4, 8]);
  });
});
