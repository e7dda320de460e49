import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { MachineError, MachineLostError } from "../../../src/domain/errors.ts";
import { machineIdFrom } from "../../../src/domain/ids.ts";
import type { ReadyGuest } from "../../../src/ports/guest.ts";
import { createVirtualClock } from "../../../src/simulation/clock.ts";
import { createSimulatedDriver } from "../../../src/simulation/driver.ts";
import { createSimulatedGuest } from "../../../src/simulation/guest.ts";
import type { SimulatedGuestOptions } from "../../../src/simulation/guest.ts";
import { createSimulatedProvider } from "../../../src/simulation/provider.ts";
import { createSeededRandom } from "../../../src/simulation/random.ts";

const SETTINGS = { user: "runner", docker: "dind", dataRoot: "/var/lib/docker" } as const;
const LIMITS = { orphanTimeoutMs: 1_800_000, lifetimeMs: 86_400_000 };
const never = new AbortController().signal;

async function launched(options: SimulatedGuestOptions = {}) {
  const clock = createVirtualClock(0);
  const provider = createSimulatedProvider({ clock, random: createSeededRandom(1) });
  const driver = createSimulatedDriver(provider, "test");
  const guest = createSimulatedGuest({ clock, provider }, options);
  const machineId = machineIdFrom("m-1");
  const keys = guest.createKeys(machineId);
  const seed = await guest.seedFrom([machineId], keys, SETTINGS, LIMITS);
  const { address, providerId } = await driver.launch(
    { machineId, poolName: "small", shape: { driver: "simulated" }, seed },
    "token",
    never,
  );
  if (address === undefined) throw new Error("a simulated instance has an address from the start");
  const connect = (signal = never): Promise<ReadyGuest> => guest.connect(address, keys, SETTINGS, signal);
  return { clock, provider, guest, connect, address, providerId };
}

describe("simulated guest", () => {
  it("is ready when the machine has booted, not before", async () => {
    const { clock, connect } = await launched({ bootMs: 30_000 });
    let isReady = false;
    const connecting = connect().then((ready) => {
      isReady = true;
      return ready;
    });

    await clock.advance(29_999);
    expect(isReady).toBe(false);
    await clock.advance(1);

    const { engine } = await connecting;
    await engine.ping(never);
  });

  it("plays the program with its input, outputs and exit", async () => {
    const { connect } = await launched({
      bootMs: 0,
      runProgram: async ({ command, stdin, stdout, stderr }) => {
        stdout.write(`${command}: ${await text(stdin)}`);
        stderr.write("oops");
        return { exitCode: 3 };
      },
    });
    const { channel } = await connect();

    const process = await channel.exec("cat", {}, never);
    process.stdin.end("hello");

    expect(await Promise.all([text(process.stdout), text(process.stderr), process.exited])).toEqual([
      "cat: hello",
      "oops",
      { exitCode: 3 },
    ]);
  });

  it("breaks the channel, its programs and its engine when the instance ends by itself", async () => {
    const { provider, providerId, connect } = await launched({
      bootMs: 0,
      runProgram: () => new Promise(() => undefined),
      runContainer: () => new Promise(() => undefined),
    });
    const { channel, engine } = await connect();
    const process = await channel.exec("sleep inf", {}, never);
    const container = await engine.createContainer(
      {
        ...{ name: "job", image: "busybox", env: {}, binds: [], network: "n", aliases: [], extraHosts: [], labels: {} },
        ...{ isPrivileged: false, hasStdin: true },
      },
      never,
    );
    await container.start(never);
    const waiting = container.wait(never);

    provider.loseInstance(providerId, "host crashed");

    expect(await channel.closed).toContain("host crashed");
    await expect(process.exited).rejects.toBeInstanceOf(MachineLostError);
    await expect(waiting).rejects.toBeInstanceOf(MachineLostError);
    await expect(channel.exec("true", {}, never)).rejects.toBeInstanceOf(MachineLostError);
    await expect(engine.ping(never)).rejects.toBeInstanceOf(MachineLostError);
  });

  it("fails the next connect as scripted, after the boot", async () => {
    const { guest, connect } = await launched({ bootMs: 0 });
    const failure = new MachineError("host-key-changed", "another host key");
    guest.failNext(failure);

    await expect(connect()).rejects.toBe(failure);
    await connect();
  });

  it("cuts the channel of a machine that goes on running", async () => {
    const { guest, provider, connect, address } = await launched({ bootMs: 0 });
    const { channel } = await connect();

    guest.cutChannel(address);

    expect(await channel.closed).toBe("connection reset");
    expect(provider.instances()).toHaveLength(1);
  });

  it("keeps trying while there is no machine, until the signal aborts", async () => {
    const { clock, provider, providerId, connect } = await launched();
    provider.loseInstance(providerId);
    const giveUp = new AbortController();
    const connecting = connect(giveUp.signal);
    const outcome = expect(connecting).rejects.toThrow("boot timeout");

    await clock.advance(60_000);
    giveUp.abort(new Error("boot timeout"));

    await outcome;
  });
});
