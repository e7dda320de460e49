import { once } from "node:events";
import { PassThrough, Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  CapacityError,
  ConfigError,
  MachineLostError,
  NotFoundError,
  SystemError,
} from "../../../src/domain/errors.ts";
import { connect } from "../../../src/library/connect.ts";
import type { HeldLease } from "../../../src/library/heldLease.ts";
import { makeDaemonHome } from "../../support/localDaemon.ts";
import type { DaemonHome, LocalDaemon } from "../../support/localDaemon.ts";
import { until } from "../../support/until.ts";

const HOLDER = { pool: "small", holder: "test" };

let home: DaemonHome;
let daemon: LocalDaemon;

beforeAll(async () => {
  home = await makeDaemonHome();
  daemon = await home.startReady();
});
afterAll(() => home[Symbol.asyncDispose]());

const mayfly = () => connect({ socket: home.socketPath });
const acquired = async (options = {}): Promise<HeldLease> => (await mayfly()).acquire({ ...HOLDER, ...options });
const stateOf = async (lease: HeldLease) =>
  (await daemon.client.leases(true)).find((view) => view.lease.id === lease.id)?.lease;

describe("connect", () => {
  it("says at once that no daemon answers", async () => {
    const asking = connect({ socket: `${home.folder}/nobody.sock` });

    await expect(asking).rejects.toThrow(SystemError);
    await expect(asking).rejects.toThrow("no mayfly daemon answers at");
  });
});

describe("a lease that a program acquires", () => {
  it("is held on a machine of its own until its block ends", async () => {
    const { manager, acquire } = await mayfly();
    let lease: HeldLease;
    {
      await using held = await acquire(HOLDER);
      lease = held;
      expect(await stateOf(held)).toMatchObject({ state: "held", machineId: held.machineId });
      expect(await manager.machine(held.machineId)).toMatchObject({ state: "leased", poolName: "small" });
    }

    expect(await stateOf(lease)).toMatchObject({ state: "ended", outcome: "released" });
    expect(lease.lost.aborted).toBe(false);
  });

  it("is renewed by itself, far past its time to live", async () => {
    await using lease = await acquired({ ttlMs: 1_000 });

    await until("three times to live have passed", 10_000, async () => {
      const state = await stateOf(lease);
      return state?.state === "held" && state.expiresAt - state.heldSince > 4_000;
    });

    expect((await lease.run("echo still here")).stdout).toBe("still here\n");
  });

  it("says that it was lost when it is taken away", async () => {
    await using lease = await acquired({ ttlMs: 1_000 });

    await daemon.client.terminateMachine(lease.machineId);
    await until("the loss is noticed", 10_000, async () => lease.lost.aborted);

    expect(lease.lost.reason).toBeInstanceOf(MachineLostError);
  });

  it("is released once, however often that is asked", async () => {
    const lease = await acquired();

    await Promise.all([lease.release(), lease.release()]);
    await lease.release();

    expect(await stateOf(lease)).toMatchObject({ outcome: "released" });
  });

  it("is given back when its wait is ended by the signal", async () => {
    await using _first = await acquired();
    await using _second = await acquired();
    const waits: string[] = [];
    const wait = new AbortController();
    const onWait = (why: string): void => {
      waits.push(why);
      wait.abort(new Error("no longer wanted"));
    };

    await expect(acquired({ onWait, signal: wait.signal })).rejects.toThrow("no longer wanted");

    expect(waits).toEqual([expect.stringMatching(/2/)]);
    const [third] = (await daemon.client.leases(true)).filter(({ lease }) => lease.state === "ended");
    expect(third?.lease).toMatchObject({ outcome: expect.stringMatching(/released|cancelled/) });
  });

  it("is a CapacityError with the reason when no machine comes in time", async () => {
    await using _first = await acquired();
    await using _second = await acquired();

    const asking = acquired({ waitMs: 300 });

    await expect(asking).rejects.toThrow(CapacityError);
    await expect(asking).rejects.toThrow(/^no machine came within 300ms: .*2/);
  });

  it("is an error of its own kind when it is asked for wrongly", async () => {
    await expect(acquired({ pool: "none" })).rejects.toThrow(/none/);
    await expect(acquired({ ttlMs: 1 })).rejects.toThrow(ConfigError);
  });
});

describe("a command on a lease", () => {
  it("answers its output, its errors and its exit code", async () => {
    await using lease = await acquired();

    const result = await lease.run("cat; echo wrong >&2; exit 7", { stdin: "read" });

    expect(result).toEqual({ exitCode: 7, stdout: "read", stderr: "wrong\n" });
  });

  it("reads from and writes to streams as they come, and leaves those open", async () => {
    await using lease = await acquired();
    const input = new PassThrough();
    const output = new PassThrough();
    const errors = new PassThrough();

    const running = lease.run("read line; echo got $line; cat >&2", { stdin: input, stdout: output, stderr: errors });
    input.write("one\n");
    const first = await new Promise<string>((resolve) => output.once("data", (bytes) => resolve(String(bytes))));
    input.end("two\n");
    const result = await running;

    expect(first).toBe("got one\n");
    expect(result).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    expect([output.writableEnded, errors.read()?.toString()]).toEqual([false, "two\n"]);
  });

  it("says which signal ended it", async () => {
    await using lease = await acquired();

    expect(await lease.run("kill -9 $$")).toMatchObject({ signal: "SIGKILL" });
  });

  it("that nobody waits for any more ends with the signal's reason", async () => {
    await using lease = await acquired();
    const enough = new AbortController();

    const running = lease.run("echo begun; sleep 60", {
      signal: enough.signal,
      stdout: new Writable({ write: () => enough.abort(new Error("enough")) }),
    });

    await expect(running).rejects.toThrow("enough");
  });

  it("whose reader fails ends with the reader's error", async () => {
    await using lease = await acquired();
    const full = new Writable({ write: (_bytes, _encoding, done) => done(new Error("the disk is full")) });

    await expect(lease.run("echo something; sleep 60", { stdout: full })).rejects.toThrow("the disk is full");
  });

  it("whose machine is lost ends with MachineLostError", async () => {
    await using lease = await acquired();

    const stdout = new PassThrough();
    const running = lease.run("echo begun; sleep 60", { stdout });
    const failed = expect(running).rejects.toThrow(MachineLostError);
    await once(stdout, "data");
    await daemon.client.terminateMachine(lease.machineId);

    await failed;
  });

  it("is a process with its streams, to those who want them", async () => {
    await using lease = await acquired();

    const running = await lease.exec("cat");
    running.stderr.resume();
    Readable.from(["through"]).pipe(running.stdin);

    expect(await text(running.stdout)).toBe("through");
    expect(await running.exited).toEqual({ exitCode: 0 });
  });

  it("has no machine to run on after the release", async () => {
    const lease = await acquired();
    await lease.release();

    await expect(lease.run("true")).rejects.toThrow(NotFoundError);
  });
});
