import { Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { createSdkClient } from "../../../src/drivers/ec2/client.ts";
import type { Ec2Client } from "../../../src/drivers/ec2/client.ts";
import { createEc2Driver } from "../../../src/drivers/ec2/driver.ts";
import type { Ec2Deps, Ec2Site } from "../../../src/drivers/ec2/options.ts";
import type { Driver } from "../../../src/ports/driver.ts";
import { createVirtualClock } from "../../../src/simulation/clock.ts";
import type { VirtualClock } from "../../../src/simulation/clock.ts";
import { createSeededRandom } from "../../../src/simulation/random.ts";
import { silentLogger } from "../jobs.ts";
import { answer } from "./answer.ts";
import { Cloud } from "./cloud.ts";
import { shapeAt, useTestCredentials } from "./lab.ts";

/** A pretended account under a virtual clock, reached through the AWS SDK without a socket. */
export interface VirtualEc2 {
  readonly cloud: Cloud;
  readonly clock: VirtualClock;
  readonly deps: Ec2Deps;
  /** @param sites where its pools are. @default the one site of `shapeAt` */
  createDriver(owner: string, sites?: readonly Ec2Site[]): Driver;
  /** Lets time go on until something is done; it stands still while a request is on its way. */
  until<T>(work: Promise<T>): Promise<T>;
}

/** Time goes on in steps of this, in milliseconds. */
const STEP_MS = 25;
/** Turns of the event loop that the SDK takes at the most from one request to its next. */
const QUIET_TURNS = 6;

/** Opens an empty account. */
export function createVirtualEc2(): VirtualEc2 {
  useTestCredentials();
  const clock = createVirtualClock(Date.parse("2026-11-01T00:00:00Z"));
  const cloud = new Cloud(() => clock.now());
  const random = createSeededRandom(1);
  let inFlight = 0;
  const connect = (site: Ec2Site): Ec2Client => {
    const client = createSdkClient(site, handlerOf(cloud));
    return {
      async send(action, input, signal) {
        inFlight += 1;
        try {
          return await client.send(action, input, signal);
        } finally {
          inFlight -= 1;
        }
      },
      close: () => client.close(),
    };
  };
  const deps = { clock, random, logger: silentLogger, connect };
  let working = 0;
  const pump = async (): Promise<void> => {
    for (let quiet = 0; working > 0; ) {
      await turn();
      quiet = inFlight > 0 ? 0 : quiet + 1;
      if (quiet <= QUIET_TURNS || working === 0) continue;
      quiet = 0;
      await clock.advance(STEP_MS);
    }
  };
  return {
    cloud,
    clock,
    deps,
    createDriver: (owner, sites = [shapeAt(ENDPOINT)]) => createEc2Driver({ owner, sites }, deps),
    until(work) {
      const done = work.finally(() => {
        working -= 1;
      });
      working += 1;
      done.catch(() => undefined);
      if (working === 1) void pump();
      return done;
    },
  };
}

/** Never resolved: requests go no further than the handler. */
export const ENDPOINT = "http://ec2.test";

/** The pretended account's, and AWS's own for its region. */
const HOSTS: ReadonlySet<string> = new Set([new URL(ENDPOINT).hostname, "ec2.eu-central-1.amazonaws.com"]);

const unknownHost = (name: string): Error =>
  Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: "ENOTFOUND", syscall: "getaddrinfo" });

/** Takes the SDK's requests in the place of a socket. */
const handlerOf = (cloud: Cloud): NonNullable<Parameters<typeof createSdkClient>[1]> => ({
  async handle(request: {
    readonly hostname: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: unknown;
  }) {
    if (!HOSTS.has(request.hostname)) throw unknownHost(request.hostname);
    if (cloud.isOutOfReach) throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    const answered = answer(cloud, request.headers["authorization"], String(request.body));
    if (answered === "cut") throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
    const { status, body } = answered;
    return { response: { statusCode: status, headers: { "content-type": "text/xml" }, body: Readable.from([body]) } };
  },
  destroy() {
    return undefined;
  },
});
