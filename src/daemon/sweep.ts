import type { Config } from "../config/config.ts";
import { TransientError } from "../domain/errors.ts";
import type { DriverName } from "../domain/shape.ts";
import { auditInstances, reapStrangersNow } from "../pool/provider/audit.ts";
import type { AuditPorts } from "../pool/provider/audit.ts";
import { withHardDeadline } from "../ports/deadline.ts";
import type { Clock } from "../ports/clock.ts";
import type { Driver } from "../ports/driver.ts";
import type { Logger } from "../ports/logger.ts";
import type { Manager } from "../ports/manager.ts";
import type { Store } from "../ports/store.ts";
import { openStore } from "../store/open.ts";
import { systemClock } from "./clock.ts";
import { createDrivers } from "./start.ts";

/** How long a provider may take over one call, in milliseconds. */
const CALL_MS = 60_000;

/** Looks for what nobody knows, where no manager runs. */
export interface Sweeper extends Pick<Manager, "auditInstances" | "reapStrangers"> {
  close(): Promise<void>;
}

/**
 * Opens a state directory for an audit alone: no machine is adopted, launched or probed.
 * @throws ConflictError `state-dir-in-use` when a manager holds it; what else keeps a manager from starting on it.
 */
export async function openSweeper(config: Config, version: string, logger: Logger): Promise<Sweeper> {
  const store = await openStore(config.stateDir, { clock: systemClock, logger, writer: `mayfly ${version}` });
  return createSweeper(
    store,
    createDrivers(() => config, logger),
    systemClock,
  );
}

/** Creates a sweeper over its ports, which it closes. */
export function createSweeper(store: Store, drivers: ReadonlyMap<DriverName, Driver>, clock: Clock): Sweeper {
  const ports: AuditPorts = {
    ...{ store, drivers, clock },
    call(name, verb, signal, run) {
      const driver = drivers.get(name);
      if (driver === undefined) throw new Error(`no driver "${name}" in this sweeper`);
      const late = (): TransientError =>
        new TransientError(`${verb}-timeout`, `no answer to the ${verb} within ${CALL_MS / 1000} s`);
      return withHardDeadline(clock, CALL_MS, late, signal, (bounded) => run(driver, bounded));
    },
  };
  return {
    auditInstances: (signal) => auditInstances(ports, signal),
    reapStrangers: (signal) => reapStrangersNow(ports, signal),
    async close() {
      for (const driver of drivers.values()) await driver.close();
      await store.close();
    },
  };
}
