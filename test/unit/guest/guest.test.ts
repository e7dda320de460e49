import { existsSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/daemon/clock.ts";
import { machineIdFrom } from "../../../src/domain/ids.ts";
import type { MachineOrigin } from "../../../src/domain/machine.ts";
import { createGuest } from "../../../src/guest/guest.ts";
import type { Guest, MachineKeys, ReadyGuest } from "../../../src/ports/guest.ts";
import type { Clock } from "../../../src/ports/clock.ts";
import type { Logger } from "../../../src/ports/logger.ts";
import type { FakeDocker } from "../../support/fakeDocker.ts";
import { startFakeDocker } from "../../support/fakeDocker.ts";
import type { FakeSwitch } from "../../support/fakeSwitch.ts";
import { startFakeSwitch } from "../../support/fakeSwitch.ts";
import { silentLogger } from "../../support/jobs.ts";
import { freePort } from "../../support/ports.ts";
import type { TestSshd } from "../../support/sshd.ts";
import { startSshd } from "../../support/sshd.ts";

const always = new AbortController().signal;

let sshd: TestSshd;
let docker: FakeDocker;
let machineSwitch: FakeSwitch;
let guest: Guest;
let problems: string[];
let onProblem: (problem: string) => void;

beforeEach(async () => {
  sshd = await startSshd();
  docker = await startFakeDocker();
  machineSwitch = await startFakeSwitch();
  docker.on("GET /_ping", (response) => void response.end("OK"));
  guest = guestWith(docker.socketPath);
});
afterEach(async () => {
  await docker.stop();
  await machineSwitch.stop();
  await sshd.stop();
});

function guestWith(engineSocketPath: string, switchSocketPath = machineSwitch.socketPath): Guest {
  problems = [];
  onProblem = () => {};
  const logger: Logger = {
    debug: (fields) => {
      const { problem } = fields as { problem: string };
      problems.push(problem);
      onProblem(problem);
    },
    info: () => {},
    warn: () => {},
    error: () => {},
    child: () => logger,
  };
  return createGuest({ clock: systemClock, logger, engineSocketPath, switchSocketPath });
}

const connect = (to: TestSshd, signal = always, keys: MachineKeys = to.keys, origin?: MachineOrigin) =>
  guest.connect(to.address, keys, { user: to.user, docker: "dind", dataRoot: "/var/lib/docker", origin }, signal);

describe("connect", () => {
  it("answers the kept channel and the engine once sudo works and the engine answers", async () => {
    const { channel, engine } = await connect(sshd);

    await engine.ping(always);
    const running = await channel.exec("echo ready", {}, always);
    expect(await text(running.stdout)).toBe("ready\n");
    channel.close();
  });

  it("waits while nothing listens yet", async () => {
    const port = await freePort();
    const late = { ...sshd, address: { host: "127.0.0.1", port } };
    const refused = new Promise<void>((resolve) => {
      onProblem = () => resolve();
    });

    const connecting = connect(late, always);
    await refused;
    const second = await startSshd({ port, keys: sshd.keys });

    (await connecting).channel.close();
    await second.stop();
  });

  it("tries again while the account is not there yet", async () => {
    const strict = await startSshd({ isAuthorized: false });
    onProblem = (problem) => {
      if (problem.includes("authentication")) strict.authorize();
    };

    const { channel } = await connect(strict);

    expect(problems.length).toBeGreaterThan(0);
    channel.close();
    await strict.stop();
  });

  it("waits for an engine that starts later", async () => {
    docker.die();
    guest = guestWith(join(sshd.folder, "late.sock"));
    let isReady = false;
    const asked = join(sshd.folder, "asked");
    sshd.playSudo(`mkdir ${asked}`);

    const connecting = connect(sshd).then((ready) => {
      isReady = true;
      return ready;
    });
    await expect.poll(() => existsSync(asked), { timeout: 15_000 }).toBe(true);
    expect(isReady).toBe(false);
    const late = await startFakeDocker(join(sshd.folder, "late.sock"));
    late.on("GET /_ping", (response) => void response.end("OK"));

    (await connecting).channel.close();
    await late.stop();
  });

  it("calls a machine without sudo unfit, with sudo's words", async () => {
    sshd.playSudo("echo 'sudo: a password is required' >&2; exit 1");

    await expect(connect(sshd)).rejects.toMatchObject({
      name: "MachineError",
      code: "boot-failed",
      message: expect.stringContaining("a password is required"),
    });
  });

  it("sets the machine's dead-man's switch back, and calls a machine without one unfit", async () => {
    (await connect(sshd)).channel.close();
    expect(machineSwitch.timesSetBack).toBe(1);

    guest = guestWith(docker.socketPath, join(sshd.folder, "no.sock"));

    await expect(connect(sshd)).rejects.toMatchObject({ name: "MachineError", code: "switch-failed" });
  });

  it("asks no more than the engine of a machine that was just restored", async () => {
    sshd.playSudo("exit 1");
    guest = guestWith(docker.socketPath, join(sshd.folder, "no.sock"));

    const { channel, engine } = await connect(sshd, always, sshd.keys, "restored");

    await engine.ping(always);
    expect(problems).toEqual([]);
    await expect(connect(sshd, always, sshd.keys, "booted")).rejects.toMatchObject({ name: "MachineError" });
    channel.close();
  });

  it.each([
    ["booted", 2_000],
    ["restored", 20_000],
  ] as const)("gives a %s machine %i ms for its banner before it tries again", async (origin, deadlineMs) => {
    const abort = new AbortController();
    const deadlinesMs: number[] = [];
    const schedule: Clock["schedule"] = (ms, run) => {
      deadlinesMs.push(ms);
      abort.abort(new Error("seen"));
      return systemClock.schedule(ms, run);
    };
    guest = createGuest({ clock: { ...systemClock, schedule }, logger: silentLogger });

    await expect(connect(sshd, abort.signal, sshd.keys, origin)).rejects.toThrow("seen");
    expect(deadlinesMs).toEqual([deadlineMs]);
  });

  it("ends at once on another host key", async () => {
    const other = guest.createKeys(machineIdFrom("machine-other"));

    const failure = connect(sshd, always, { host: other.host, client: sshd.keys.client });

    await expect(failure).rejects.toMatchObject({ name: "MachineError", code: "host-key-changed" });
    expect(problems).toEqual([]);
  });

  it("gives up with the caller's reason", async () => {
    const abort = new AbortController();
    onProblem = () => abort.abort(new Error("boot timeout"));
    const nowhere = { ...sshd, address: { host: "127.0.0.1", port: await freePort() } };

    await expect(connect(nowhere, abort.signal)).rejects.toThrow("boot timeout");
  });
});

describe("probe", () => {
  let ready: ReadyGuest;
  beforeEach(async () => {
    ready = await connect(sshd);
  });
  afterEach(() => ready.channel.close());

  it("sets the switch back and asks the engine, each time", async () => {
    await guest.probe(ready, always);
    await guest.probe(ready, always);

    expect(machineSwitch.timesSetBack).toBe(3);
    expect(docker.requests.map(({ line }) => line)).toEqual(["GET /_ping", "GET /_ping", "GET /_ping"]);
  });

  it("calls an engine lost that is gone or broken, and sets the switch back all the same", async () => {
    docker.on("GET /_ping", (response) => void response.writeHead(500).end("broken"));
    await expect(guest.probe(ready, always)).rejects.toMatchObject({ name: "MachineError", code: "engine-lost" });
    docker.die();
    await expect(guest.probe(ready, always)).rejects.toMatchObject({ name: "MachineError", code: "engine-lost" });

    expect(machineSwitch.timesSetBack).toBe(3);
  });

  it("says with the machine's own words that its switch is not set back", async () => {
    machineSwitch.say("Failed to restart mayfly-orphan.timer\n");

    await expect(guest.probe(ready, always)).rejects.toMatchObject({
      name: "MachineError",
      code: "switch-failed",
      message: expect.stringContaining("Failed to restart mayfly-orphan.timer"),
    });
  });

  it("ends with the caller's deadline when nothing is answered", async () => {
    machineSwitch.say(undefined);
    const deadline = new AbortController();

    const probing = guest.probe(ready, deadline.signal);
    deadline.abort(new Error("too late"));

    await expect(probing).rejects.toThrow("too late");
  });

  it("tells a machine that is lost from an engine that is", async () => {
    const probing = guest.probe(ready, always);
    ready.channel.close();

    await expect(probing).rejects.toMatchObject({ name: "MachineLostError", code: "channel-lost" });
    await expect(guest.probe(ready, always)).rejects.toMatchObject({ name: "MachineLostError", code: "channel-lost" });
  });
});
