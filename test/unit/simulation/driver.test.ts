import { describe, expect, it } from "vitest";
import { TransientError } from "../../../src/domain/errors.ts";
import { machineIdFrom } from "../../../src/domain/ids.ts";
import type { Instance } from "../../../src/ports/driver.ts";
import { createVirtualClock } from "../../../src/simulation/clock.ts";
import { createSimulatedDriver } from "../../../src/simulation/driver.ts";
import { createSimulatedProvider } from "../../../src/simulation/provider.ts";
import type { ProviderOptions } from "../../../src/simulation/provider.ts";
import { createSeededRandom } from "../../../src/simulation/random.ts";

const never = new AbortController().signal;

function simulate(options: ProviderOptions = {}) {
  const clock = createVirtualClock(0);
  const provider = createSimulatedProvider({ clock, random: createSeededRandom(1) }, options);
  const driver = createSimulatedDriver(provider, "us");
  const launch = (token: string, signal = never): Promise<Instance> =>
    driver.launch(
      {
        machineId: machineIdFrom(`m-${token}`),
        poolName: "small",
        shape: { driver: "simulated" },
        seed: { userData: "", metaData: "" },
      },
      token,
      signal,
    );
  return { clock, provider, driver, launch };
}

describe("simulated driver", () => {
  it("takes its time to launch and to terminate, and shows both on the way", async () => {
    const { clock, driver, launch } = simulate({ launchDelayMs: 100, terminateDelayMs: 50 });
    const launching = launch("a");

    expect(await driver.list(never)).toMatchObject([{ state: "pending" }]);
    await clock.advance(100);
    const { providerId } = await launching;
    expect(await driver.list(never)).toMatchObject([{ state: "running" }]);
    const terminating = driver.terminate([providerId], never);
    expect(await driver.list(never)).toMatchObject([{ state: "ending" }]);
    await clock.advance(50);

    await terminating;
    expect(await driver.list(never)).toEqual([]);
  });

  it("goes on with a launch whose caller has given up, as providers do", async () => {
    const { clock, driver, launch } = simulate({ launchDelayMs: 100 });
    const controller = new AbortController();
    const outcome = expect(launch("a", controller.signal)).rejects.toThrow("enough");

    controller.abort(new Error("enough"));
    await outcome;
    await clock.advance(100);

    expect(await driver.list(never)).toMatchObject([{ state: "running" }]);
  });

  it("fails the next call before it has any effect, and only that one", async () => {
    const { provider, driver, launch } = simulate();
    const failure = new TransientError("throttled", "slow down");
    provider.failNext("launch", failure);

    await expect(launch("a")).rejects.toBe(failure);
    expect(await driver.list(never)).toEqual([]);
    await launch("a");

    expect(await driver.list(never)).toHaveLength(1);
  });

  it("loses the answer of a call that has had its effect", async () => {
    const { provider, driver, launch } = simulate();
    provider.failNext("launch", new TransientError("reset", "connection reset"), "after");

    await expect(launch("a")).rejects.toThrow("connection reset");
    const [lost] = await driver.list(never);

    expect(await launch("a")).toEqual(lost);
  });

  it("records every call, the failed ones too", async () => {
    const { clock, provider, driver, launch } = simulate();
    provider.failNext("list", new TransientError("throttled", "slow down"));

    await launch("a");
    await clock.advance(5);
    await driver.list(never).catch(() => undefined);

    expect(provider.calls).toEqual([
      { verb: "launch", at: 0, owner: "us", about: ["a"] },
      { verb: "list", at: 5, owner: "us", about: [] },
    ]);
  });
});
