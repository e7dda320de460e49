import { describe, expect, it } from "vitest";
import { createVirtualClock } from "../../../src/simulation/clock.ts";

describe("virtual clock", () => {
  it("wakes due sleepers in the order of their time, each at its own time", async () => {
    const clock = createVirtualClock(1_000);
    const woken: string[] = [];
    const sleeper = async (name: string, ms: number): Promise<void> => {
      await clock.sleep(ms);
      woken.push(`${name} at ${clock.now()}`);
    };
    const all = [sleeper("late", 300), sleeper("early", 100), sleeper("early too", 100), sleeper("never", 301)];

    await clock.advance(300);

    expect(woken).toEqual(["early at 1100", "early too at 1100", "late at 1300"]);
    await clock.advance(1);
    await Promise.all(all);
    expect(clock.now()).toBe(1_301);
  });

  it.each([1, 64])(
    "lets what a sleeper set going settle, with %i steps in a turn, before time goes on",
    async (steps) => {
      const clock = createVirtualClock(0, steps);
      const seen: number[] = [];
      const loop = async (): Promise<void> => {
        for (let round = 0; round < 3; round++) {
          await clock.sleep(10);
          await Promise.resolve().then(() => undefined);
          seen.push(clock.now());
        }
      };
      const running = loop();

      await clock.advance(100);

      await running;
      expect(seen).toEqual([10, 20, 30]);
      expect(clock.now()).toBe(100);
    },
  );

  it("rejects a sleeper with the reason of its signal and forgets it", async () => {
    const clock = createVirtualClock(0);
    const controller = new AbortController();
    const sleeping = clock.sleep(1_000, controller.signal);
    const reason = new Error("stopped");

    controller.abort(reason);

    await expect(sleeping).rejects.toBe(reason);
    await expect(clock.advanceUntil(() => false, 10_000)).rejects.toThrow(/nobody wakes/);
  });

  it("asks after every step, however many there are in a turn, whether it is done", async () => {
    const clock = createVirtualClock(0, 64);
    const happened: number[] = [];
    for (const ms of [10, 20, 30]) clock.schedule(ms, () => happened.push(ms));

    await clock.advanceUntil(() => happened.length === 2, 1_000);

    expect(happened).toEqual([10, 20]);
    expect(clock.now()).toBe(20);
  });

  it("advances only as far as the condition needs", async () => {
    const clock = createVirtualClock(0);
    let isDone = false;
    const work = clock.sleep(500).then(() => {
      isDone = true;
    });

    await clock.advanceUntil(() => isDone, 10_000);

    await work;
    expect(clock.now()).toBe(500);
  });
});
