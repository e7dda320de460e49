import { expect, it } from "vitest";
import type { DesiredPool } from "../../../src/domain/pool.ts";
import { recipeOf } from "../../../src/domain/recipe.ts";
import { pool } from "../../support/pools.ts";

const qemu = { driver: "qemu", image: "debian-12", cpus: 2, memoryMiB: 2048, diskGiB: 20 } as const;

it.each<[string, Partial<DesiredPool>]>([
  ["the image", { shape: { ...qemu, image: "debian-13" } }],
  ["the size", { shape: { ...qemu, cpus: 4 } }],
  ["the inside", { guest: { ...pool().guest, docker: "socket" } }],
  ["the limits of the dead-man's switch", { orphanTimeoutMs: 1 }],
  ["the longest life", { maxAgeMs: 1 }],
])("is another one when %s changes", (_what, change) => {
  expect(recipeOf(pool({ shape: qemu, ...change }), "1")).not.toBe(recipeOf(pool({ shape: qemu }), "1"));
});

it("is another one for another mayfly", () => {
  expect(recipeOf(pool(), "1")).not.toBe(recipeOf(pool(), "2"));
});

it("is the same whatever changes that machines know nothing of", () => {
  const change = { name: "other", maxMachines: 9, idleCount: 3, stoppedCount: 2, idleTimeMs: 1, maxGrowthRate: 7 };

  expect(recipeOf(pool(change), "1")).toBe(recipeOf(pool(), "1"));
});
