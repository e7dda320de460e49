import { expect } from "vitest";
import type { Driver } from "../../src/ports/driver.ts";
import type { RestoreSeed } from "../../src/ports/seed.ts";

/** What a machine that does not read it can be told as well as any other. */
export const EMPTY_RESTORE: RestoreSeed = {
  template: { userData: "#cloud-config\n", metaData: "instance-id: template\n" },
  identity: { hostname: "m-restored", engine: { id: "A", key: "{}" }, files: [], units: [] },
};

/** A driver that is told with every seed how to restore, and has to. */
export function withRestoreSeeds(driver: Driver): Driver {
  return {
    ...driver,
    async launch(spec, token, signal) {
      const seed = { ...spec.seed, restore: EMPTY_RESTORE };
      const instance = await driver.launch({ ...spec, seed }, token, signal);
      expect(instance.origin).toBe("restored");
      return instance;
    },
  };
}
