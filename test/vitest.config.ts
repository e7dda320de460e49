import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL("..", import.meta.url));

/** A tier that needs nothing but Node, run on all cores. */
const light = (name: string, include: string[]) => ({
  extends: true as const,
  test: { name, include, testTimeout: 30_000 },
});

export default defineConfig({
  root,
  test: {
    // The default leaves a core to others, which on a host with two is half of the host.
    maxWorkers: "100%",
    projects: [
      light("unit", ["test/unit/**/*.test.ts", "test/*.test.ts"]),
      light("simulation", ["test/simulation/**/*.test.ts"]),
      light("contract", ["test/contract/**/*.test.ts"]),
      light("moto", ["test/moto/**/*.test.ts"]),
      {
        extends: true as const,
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          // Real machines under software emulation: files wait for machines more than they compute, so two share the host.
          maxWorkers: 2,
          globalSetup: ["test/support/integrationSetup.ts"],
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
});
