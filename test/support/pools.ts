import type { Config } from "../../src/config/config.ts";
import type { DesiredPool } from "../../src/domain/pool.ts";

/** A pool of simulated machines; every setting may be overridden. */
export function pool(overrides: Partial<DesiredPool> = {}): DesiredPool {
  return {
    name: "small",
    maxMachines: 4,
    idleCount: 1,
    idleTimeMs: 600_000,
    maxGrowthRate: 2,
    maxAgeMs: 43_200_000,
    bootTimeoutMs: 300_000,
    jobTimeoutMs: 3_600_000,
    orphanTimeoutMs: 1_800_000,
    guest: { user: "runner", docker: "dind", dataRoot: "/var/lib/docker" },
    shape: { driver: "simulated" },
    ...overrides,
  };
}

/** The same wishes, with pools of simulated machines: another image makes others of them. */
export function simulatedPools(config: Config): Config {
  const pools = config.pools.map((one) => {
    const image = one.shape.driver === "qemu" ? one.shape.image : "";
    return { ...one, shape: { driver: "simulated" as const, image } };
  });
  return { ...config, pools };
}
