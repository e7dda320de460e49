import type { Health } from "../../src/ports/health.ts";

/** The health of a manager that is well, with what the test changes. */
export const health = (changes: Partial<Health> = {}): Health => ({
  ...{ status: "ok", version: "1.2.3", name: "ci-1", pid: 12, startedAt: 5, problems: [], pools: [] },
  ...{ disks: [], minFreeBytes: 2 ** 30, ...changes },
});
