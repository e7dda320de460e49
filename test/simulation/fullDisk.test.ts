import { expect, it } from "vitest";
import { CRASH_DAY, CRASH_LENGTH_MS } from "../../src/simulation/run/crashDay.ts";
import { runDay } from "../../src/simulation/run/runDay.ts";

it("starts with a full disk, whatever the manager before it was doing", async () => {
  const full = { kind: "disk-full" as const, atMs: 50, forMs: 30_000, rate: 1, value: 0, index: 0 };
  const ports = new Set<string>();

  for (let call = 1; call <= 20; call++) {
    const result = await runDay(CRASH_DAY, { faults: [full], lengthMs: CRASH_LENGTH_MS, killAtCalls: [call] });
    expect({ call, violations: result.violations }).toEqual({ call, violations: [] });
    for (const { port, moment } of result.kills) ports.add(`${moment} ${port}`);
  }

  expect([...ports]).toEqual(
    expect.arrayContaining(["after store.commit", "before driver.launch", "after driver.launch"]),
  );
});
