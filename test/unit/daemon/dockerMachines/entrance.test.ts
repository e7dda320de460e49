import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { duplexPair } from "node:stream";
import type { Duplex } from "node:stream";
import { connect } from "node:tls";
import { expect, it } from "vitest";
import { systemClock as clock } from "../../../../src/daemon/clock.ts";
import { createEntrance } from "../../../../src/daemon/dockerMachines/entrance.ts";
import type { Admission, Entrance } from "../../../../src/daemon/dockerMachines/entrance.ts";
import type { DockerMachineRecords, DoorIdentity } from "../../../../src/ports/dockerMachines.ts";
import { createSeededRandom } from "../../../../src/simulation/random.ts";
import { silentLogger } from "../../../support/jobs.ts";
import { until } from "../../../support/until.ts";

interface Memory {
  identity?: DoorIdentity;
}

/** An entrance to an engine that says hello, for whoever has one of the certificates. */
function entranceFor(memory: Memory, fingerprints: ReadonlySet<string>): Entrance {
  const records: DockerMachineRecords = {
    all: async () => [],
    put: async () => undefined,
    remove: async () => undefined,
    identity: async () => memory.identity,
    putIdentity: async (identity) => {
      memory.identity = identity;
    },
  };
  const open = (fingerprint: string): Promise<Duplex> | undefined => {
    if (!fingerprints.has(fingerprint)) return undefined;
    const [near, far] = duplexPair();
    far.end("hello");
    return Promise.resolve(near);
  };
  return createEntrance({ records, open, clock, random: createSeededRandom(3), logger: silentLogger });
}

async function hear({ url, caPem, certPem, keyPem }: Admission): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), ca: caPem, cert: certPem, key: keyPem });
  let heard = "";
  socket.on("error", () => undefined);
  socket.on("data", (bytes: Buffer) => {
    heard += bytes.toString();
  });
  socket.resume();
  await once(socket, "close").catch(() => undefined);
  return heard;
}

it("opens with the first machine, and at the same place with the same authority for the next manager", async () => {
  const memory: Memory = {};
  const fingerprints = new Set<string>();
  const first = entranceFor(memory, fingerprints);
  await first.reopen();
  const [one, two] = await Promise.all([first.admit("one"), first.admit("two")]);
  fingerprints.add(one.fingerprint);
  expect([two.url, two.caPem]).toEqual([one.url, one.caPem]);
  expect([await hear(one), await hear(two)]).toEqual(["hello", ""]);
  await first.close();

  const second = entranceFor(memory, fingerprints);
  await second.reopen();

  expect(await hear(one)).toBe("hello");
  expect((await second.admit("three")).url).toBe(one.url);
  await second.close();
});

it("waits for its port when somebody else has it, says so, and takes no other", async () => {
  const memory: Memory = {};
  const fingerprints = new Set<string>();
  const first = entranceFor(memory, fingerprints);
  const one = await first.admit("one");
  fingerprints.add(one.fingerprint);
  await first.close();
  const other = createServer((socket) => socket.destroy()).listen(memory.identity?.port, "127.0.0.1");
  await once(other, "listening");

  const second = entranceFor(memory, fingerprints);
  await second.reopen();
  expect(second.problem()).toMatch(/^port \d+ on 127\.0\.0\.1, .* is taken$/);
  await expect(second.admit("two")).rejects.toThrow("is taken");
  expect((other.address() as AddressInfo).port).toBe(memory.identity?.port);
  other.close();

  await until("the port is its own again", 10_000, async () => second.problem() === "");
  expect(await hear(one)).toBe("hello");
  await second.close();
});
