import { expect, it } from "vitest";
import { crashEverywhere } from "../../../src/simulation/run/crash.ts";
import { EC2_SCENARIO } from "../../../src/simulation/run/crashEc2.ts";

/** Every so-manieth call: all of them, which `npm run simulate` takes in turn, would add little to what the other tests kill. */
const EVERY = 4;

it("keeps every promise when the manager is killed at the calls of its EC2 driver", { timeout: 120_000 }, async () => {
  const ports = new Set<string>();

  for await (const { killAtCalls, result } of crashEverywhere({
    scenario: EC2_SCENARIO,
    shard: { index: 0, of: EVERY },
  })) {
    const again = `npm run simulate -- --provider ec2 --crash --at ${killAtCalls.join(",")}`;
    expect({ again, broken: result.violations }).toEqual({ again, broken: [] });
    for (const { port } of result.kills) ports.add(port);
  }

  const actions = ["CreateFleet", "DescribeInstances", "TerminateInstances"];
  expect([...ports]).toEqual(expect.arrayContaining(actions.map((action) => `ec2.${action}`)));
});
