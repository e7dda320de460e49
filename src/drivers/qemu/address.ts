import { once } from "node:events";
import { createServer } from "node:net";
import { CapacityError } from "../../domain/errors.ts";
import type { Address } from "../../domain/machine.ts";
import type { Random } from "../../ports/random.ts";
import { isErrno } from "./errors.ts";

/**
 * Ports to try in turn. 22 is what people expect, but may be refused to plain users (below 1024), or taken on every
 * address by the host's own sshd; then any other will do.
 */
const PORTS = [22, 22, 2_222, 2_222, 20_022, 20_023, 20_024, 20_025];

/** Chooses a loopback address that nobody listens on. @param taken hosts of other instances. @throws CapacityError `no-address`. */
export async function chooseAddress(
  random: Random,
  taken: ReadonlySet<string>,
  ports: readonly number[] = PORTS,
): Promise<Address> {
  for (const port of ports) {
    const address = { host: randomHost(random, taken), port };
    if (await isFree(address)) return address;
  }
  throw new CapacityError("no-address", `no free loopback address with port ${[...new Set(ports)].join(", ")}`);
}

/** 127.X.Y.Z, each of 1-254, never in 127.0.0.0/24 where other programs of the host live. */
function randomHost(random: Random, taken: ReadonlySet<string>): string {
  for (;;) {
    const host = `127.${[0, 0, 0].map(() => 1 + Math.floor(random.fraction() * 254)).join(".")}`;
    if (!taken.has(host)) return host;
  }
}

async function isFree({ host, port }: Address): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen({ host, port, exclusive: true }), "listening");
  } catch (error) {
    if (isErrno(error, "EADDRINUSE") || isErrno(error, "EACCES")) return false;
    throw error;
  }
  server.close();
  await once(server, "close");
  return true;
}
