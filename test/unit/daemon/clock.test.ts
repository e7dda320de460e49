import { expect, it } from "vitest";
import { systemClock } from "../../../src/daemon/clock.ts";

it("ends a sleep with the reason of its abort", async () => {
  const abort = new AbortController();
  const sleeping = systemClock.sleep(60_000, abort.signal);

  abort.abort(new Error("woken"));

  await expect(sleeping).rejects.toThrow("woken");
  await expect(systemClock.sleep(0, abort.signal)).rejects.toThrow("woken");
});

it("sleeps for longer than one timer of Node can", async () => {
  const abort = new AbortController();
  const long = systemClock.sleep(2 ** 31, abort.signal).then(() => "long");
  const short = systemClock.sleep(20).then(() => "short");

  expect(await Promise.race([long, short])).toBe("short");

  abort.abort(new Error("enough"));
  await expect(long).rejects.toThrow("enough");
});

it("runs what is scheduled in the order of its time, but nothing that was called off, or is due after one timer of Node can wait", async () => {
  const ran: string[] = [];
  const callOffLong = systemClock.schedule(2 ** 31, () => ran.push("long"));
  const callOff = systemClock.schedule(5, () => ran.push("called off"));
  systemClock.schedule(10, () => ran.push("second"));
  systemClock.schedule(0, () => ran.push("first"));

  callOff();
  await systemClock.sleep(30);

  expect(ran).toEqual(["first", "second"]);
  callOffLong();
});
