import type { RunningManager } from "../../../src/daemon/compose.ts";
import type { DesiredPool } from "../../../src/domain/pool.ts";
import type { DriverName } from "../../../src/domain/shape.ts";
import type { Driver } from "../../../src/ports/driver.ts";
import type { Logger } from "../../../src/ports/logger.ts";
import type { Store } from "../../../src/ports/store.ts";
import { createSimulatedDriver } from "../../../src/simulation/driver.ts";
import { createSimulatedProvider } from "../../../src/simulation/provider.ts";
import { createSeededRandom } from "../../../src/simulation/random.ts";
import { createMemoryStore } from "../../../src/simulation/store.ts";
import { composeForTest, simulatedConfig } from "../composed.ts";
import { silentLogger } from "../jobs.ts";
import { createCloudGuests } from "./guests.ts";
import type { VirtualEc2 } from "./inProcess.ts";

/** One line of a log. */
export interface LogLine {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A whole manager over a pretended account and over a simulated provider, on the account's clock. */
export interface CloudManager {
  readonly running: RunningManager;
  readonly store: Store;
  /** What it logged at info and above. */
  readonly logged: readonly LogLine[];
}

/** Machines are ready so long after they run, in milliseconds. */
const BOOT_MS = 5_000;

/** Starts it over pools of both drivers. */
export async function startCloudManager(
  lab: VirtualEc2,
  pools: readonly DesiredPool[],
  maxMachines = 100,
): Promise<CloudManager> {
  const { clock } = lab;
  const random = createSeededRandom(2);
  const provider = createSimulatedProvider({ clock, random });
  const sites = pools.flatMap(({ shape }) => (shape.driver === "ec2" ? [shape] : []));
  const drivers: Driver[] = [lab.createDriver("test", sites), createSimulatedDriver(provider, "test")];
  const store = createMemoryStore();
  const logged: LogLine[] = [];
  const composed = composeForTest(simulatedConfig({ pools, maxMachines }), {
    ...{ clock, random, store, guest: createCloudGuests(lab, provider, BOOT_MS), logger: loggerInto(logged) },
    drivers: new Map<DriverName, Driver>(drivers.map((driver) => [driver.name, driver])),
  });
  const { running } = await lab.until(composed);
  return { running, store, logged };
}

function loggerInto(logged: LogLine[]): Logger {
  const at =
    (level: LogLine["level"]) =>
    (fields: object, message: string): void =>
      void logged.push({ level, message, fields: { ...fields } });
  return { ...silentLogger, info: at("info"), warn: at("warn"), error: at("error") };
}
