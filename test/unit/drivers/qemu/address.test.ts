import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { expect, it } from "vitest";
import { CapacityError } from "../../../../src/domain/errors.ts";
import { chooseAddress } from "../../../../src/drivers/qemu/address.ts";
import type { Random } from "../../../../src/ports/random.ts";
import { createSeededRandom } from "../../../../src/simulation/random.ts";

/** Draws these numbers of 1-254, in turn and over again. */
function drawing(...numbers: number[]): Random {
  let next = 0;
  return { id: () => "", fraction: () => ((numbers[next++ % numbers.length] ?? 1) - 0.5) / 254 };
}

it("never chooses 127.0.0.x nor an end of a range", async () => {
  const random = createSeededRandom(3);

  const hosts = await Promise.all(Array.from({ length: 50 }, () => chooseAddress(random, new Set())));

  for (const { host } of hosts)
    expect(
      host
        .split(".")
        .slice(1)
        .map(Number)
        .every((part) => part >= 1 && part <= 254),
    ).toBe(true);
});

it("passes over the hosts of other instances", async () => {
  const random = drawing(201, 2, 3, 202, 2, 3);

  expect((await chooseAddress(random, new Set(["127.201.2.3"]))).host).toBe("127.202.2.3");
});

it("takes another port when the first is taken on every address, as by a host's own sshd", async () => {
  const [sshd, spare] = [createServer(), createServer()];
  await once(sshd.listen(0, "0.0.0.0"), "listening");
  await once(spare.listen(0, "127.0.0.1"), "listening");
  const [taken, free] = [portOf(sshd), portOf(spare)];
  try {
    const address = await chooseAddress(drawing(203, 4, 5), new Set(), [taken, taken, free]);

    expect(address).toEqual({ host: "127.203.4.5", port: free });
    await expect(chooseAddress(drawing(203, 4, 5), new Set(), [taken])).rejects.toBeInstanceOf(CapacityError);
  } finally {
    sshd.close();
    spare.close();
  }
});

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
