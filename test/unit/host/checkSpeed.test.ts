import { expect, it } from "vitest";
import { checkSpeed } from "../../../src/host/checkSpeed.ts";

it("offers the bench and its goals where hardware runs machines", () => {
  expect(checkSpeed("kvm")).toEqual([
    {
      name: "speed",
      status: "ok",
      detail:
        "with kvm a restored machine should be ready within 150 ms, and a claim reach its script within 50 ms; " +
        "in mayfly's source `npm run bench -- --only restore,claim` measures this host",
    },
  ]);
});

it.each(["tcg", undefined] as const)("says nothing with %s", (accelerator) => {
  expect(checkSpeed(accelerator)).toEqual([]);
});
