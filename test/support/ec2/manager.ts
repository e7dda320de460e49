import { join } from "node:path";
import type { RunningManager } from "../../../src/daemon/compose.ts";
import type { DesiredPool } from "../../../src/domain/pool.ts";
import type { DriverName } from "../../../src/domain/shape.ts";
import type { Ec2Site } from "../../../src/drivers/ec2/options.ts";
import type { Clock } from "../../../src/ports/clock.ts";
import type { Driver } from "../../../src/ports/driver.ts";
import type { Guest } from "../../../src/ports/guest.ts";
import type { Logger } from "../../../src/ports/logger.ts";
import type { Store } from "../../../src/ports/store.ts";
import { createSimulatedDriver } from "../../../src/simulation/driver.ts";
import type { SimulatedGuest } from "../../../src/simulation/guest.ts";
import { createSimulatedProvider } from "../../../src/simulation/provider.ts";
import { createSeededRandom } from "../../../src/simulation/random.ts";
import { createMemoryStore } from "../../../src/simulation/store.ts";
import { composeForTest, simulatedConfig } from "../composed.ts";
import { createJobLogs } from "../../../src/store/jobLogs.ts";
import { silentLogger } from "../jobs.ts";
import { createCloudGuests } from "./guests.ts";
import { openLocalChannel } from "../localChannel.ts";
import type { Cloud } from "./cloud.ts";

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
  readonly guest: SimulatedGuest;
  /** What it logged at info and above. */
  readonly logged: readonly LogLine[];
}

/** A pretended account, and what time is to those who use it. */
export interface CloudWorld {
  readonly cloud: Cloud;
  readonly clock: Clock;
  createDriver(owner: string, sites: readonly Ec2Site[]): Driver;
  /** Lets time go on until something is done. */
  until<T>(work: Promise<T>): Promise<T>;
}

export interface CloudManagerOptions {
  /** Machines of all pools together. @default 100 */
  readonly maxMachines?: number;
  /** From a machine's running to its being ready, in milliseconds. @default 5,000 */
  readonly bootMs?: number;
  /** @default in memory */
  readonly store?: Store;
  /** Where jobs run, as processes of this host, and where their logs are. @default they cannot */
  readonly jobsIn?: string;
}

/** Starts it over pools of both drivers. */
export async function startCloudManager(
  lab: CloudWorld,
  pools: readonly DesiredPool[],
  { maxMachines = 100, bootMs = 5_000, store = createMemoryStore(), jobsIn }: CloudManagerOptions = {},
): Promise<CloudManager> {
  const { clock } = lab;
  const random = createSeededRandom(2);
  const provider = createSimulatedProvider({ clock, random });
  const sites = pools.flatMap(({ shape }) => (shape.driver === "ec2" ? [shape] : []));
  const drivers: Driver[] = [lab.createDriver("test", sites), createSimulatedDriver(provider, "test")];
  const logged: LogLine[] = [];
  const guest = createCloudGuests(lab, provider, bootMs);
  const ports = {
    ...{ clock, random, store, logger: loggerInto(logged) },
    guest: jobsIn === undefined ? guest : withLocalJobs(guest, jobsIn),
    ...(jobsIn === undefined ? {} : { logs: createJobLogs(join(jobsIn, "logs")) }),
    drivers: new Map<DriverName, Driver>(drivers.map((driver) => [driver.name, driver])),
  };
  const folders = jobsIn === undefined ? undefined : { builds: join(jobsIn, "builds"), scratch: jobsIn };
  const composed = composeForTest(simulatedConfig({ pools, maxMachines }), ports, { resumesJobs: true, folders });
  const { running } = await lab.until(composed);
  return { running, store, guest, logged };
}

/** Has what runs on machines run on this host, for as long as the machines are there. */
function withLocalJobs(guest: Guest, folder: string): Guest {
  return {
    ...guest,
    async connect(...args) {
      const ready = await guest.connect(...args);
      const channel = openLocalChannel(folder);
      void Promise.race([ready.channel.closed, channel.closed]).then((why) => channel.break(why));
      return { ...ready, channel };
    },
  };
}

function loggerInto(logged: LogLine[]): Logger {
  const at =
    (level: LogLine["level"]) =>
    (fields: object, message: string): void =>
      void logged.push({ level, message, fields: { ...fields } });
  return { ...silentLogger, info: at("info"), warn: at("warn"), error: at("error") };
}
