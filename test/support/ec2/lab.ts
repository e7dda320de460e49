import { join } from "node:path";
import type { Ec2Shape } from "../../../src/domain/shape.ts";
import { createEc2Driver } from "../../../src/drivers/ec2/driver.ts";
import type { Ec2Site } from "../../../src/drivers/ec2/options.ts";
import type { Clock } from "../../../src/ports/clock.ts";
import type { Driver } from "../../../src/ports/driver.ts";
import { systemClock } from "../../../src/daemon/clock.ts";
import { systemRandom as random } from "../../../src/daemon/random.ts";
import { silentLogger } from "../jobs.ts";
import { Cloud } from "./cloud.ts";
import { startEndpoint } from "./endpoint.ts";

/** A pretended account with drivers that reach it through the AWS SDK. */
export interface Ec2Lab {
  readonly cloud: Cloud;
  readonly shape: Ec2Shape;
  createDriver(owner: string): Driver;
  close(): Promise<void>;
}

/** Pauses are this many times shorter than they are in production. */
const HASTE = 50;

const START = Date.parse("2026-11-01T00:00:00Z");

/** Time that runs so many times faster than the real one. */
export const createHurriedClock = (haste: number): Clock => ({
  now: () => START + performance.now() * haste,
  monotonic: () => performance.now() * haste,
  sleep: (ms, signal) => systemClock.sleep(ms / haste, signal),
  schedule: (ms, run) => systemClock.schedule(ms / haste, run),
});

/** For pauses against a provider that does not have them. */
export const hurriedClock = createHurriedClock(HASTE);

/** Creates a driver that reaches a site's endpoint through the AWS SDK. */
export const createHurriedDriver = (owner: string, site: Ec2Site, clock: Clock = hurriedClock): Driver =>
  createEc2Driver({ owner, sites: [site] }, { clock, random, logger: silentLogger });

/** Opens an empty account. */
export async function createEc2Lab(): Promise<Ec2Lab> {
  useTestCredentials();
  const cloud = new Cloud(() => hurriedClock.now());
  const endpoint = await startEndpoint(cloud);
  const shape = shapeAt(endpoint.url);
  const drivers: Driver[] = [];
  return {
    cloud,
    shape,
    createDriver(owner) {
      const driver = createHurriedDriver(owner, shape);
      drivers.push(driver);
      return driver;
    },
    async close() {
      for (const driver of drivers) await driver.close();
      await endpoint.close();
    },
  };
}

/** Machines of two types in three zones, at an endpoint. */
export const shapeAt = (endpoint: string): Ec2Shape => ({
  driver: "ec2",
  region: "eu-central-1",
  endpoint,
  ami: "ami-0123456789abcdef0",
  instanceTypes: ["m7i.large", "m6i.large"],
  subnets: ["subnet-0000000000000000a", "subnet-0000000000000000b", "subnet-0000000000000000c"],
  securityGroups: ["sg-0123456789abcdef0"],
  market: "spot-first",
  diskGiB: 30,
  publicAddress: false,
  tags: { team: "ci" },
});

/** Credentials that only a pretended account takes; nothing of this host's own is looked for. */
export function useTestCredentials(): void {
  process.env["AWS_SHARED_CREDENTIALS_FILE"] = join(import.meta.dirname, "credentials");
  process.env["AWS_ACCESS_KEY_ID"] = "test";
  process.env["AWS_SECRET_ACCESS_KEY"] = "test";
}
