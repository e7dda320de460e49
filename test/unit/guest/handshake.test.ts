import { once } from "node:events";
import type { Server } from "node:net";
import { createServer } from "node:net";
import ssh2 from "ssh2";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/daemon/clock.ts";
import { machineIdFrom } from "../../../src/domain/ids.ts";
import type { Address } from "../../../src/domain/machine.ts";
import { openChannel } from "../../../src/guest/handshake.ts";
import { createKeys } from "../../../src/guest/keys.ts";
import { freePort, portOf } from "../../support/ports.ts";

const always = new AbortController().signal;
const keys = createKeys(machineIdFrom("machine-pinned"));
const servers: { close(): unknown }[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server that shows a key of its choice and records each request to log in. */
async function startFakeServer(
  hostKey: string,
): Promise<{ address: Address; logIns: string[]; dropped: Promise<unknown> }> {
  const logIns: string[] = [];
  const dropped = Promise.withResolvers<void>();
  const server = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
    client.on("authentication", (context) => {
      logIns.push(`${context.method} ${context.username}`);
      context.accept();
    });
    client.on("error", () => {});
    client.on("close", () => dropped.resolve());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push(server);
  return { address: { host: "127.0.0.1", port: portOf(server) }, logIns, dropped: dropped.promise };
}

async function listen(server: Server): Promise<Address> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push(server);
  return { host: "127.0.0.1", port: portOf(server) };
}

const open = (address: Address, signal = always, bannerDeadlineMs = 5_000) =>
  openChannel(address, keys, "runner", bannerDeadlineMs, systemClock, signal);

describe("openChannel", () => {
  it("logs in where the pinned key is shown", async () => {
    const { address, logIns } = await startFakeServer(keys.host.privateKey);

    const channel = await open(address);

    expect(logIns[0]).toBe("publickey runner");
    channel.close();
  });

  it("refuses another key, names both, and never asks to log in", async () => {
    const other = createKeys(machineIdFrom("machine-other"));
    const { address, logIns, dropped } = await startFakeServer(other.host.privateKey);

    await expect(open(address)).rejects.toMatchObject({
      name: "MachineError",
      code: "host-key-changed",
      message: expect.stringMatching(/SHA256:\S+ .*SHA256:\S+; nothing was sent/),
    });

    await dropped;
    expect(logIns).toEqual([]);
  });

  it("refuses a key of another type", async () => {
    const { private: rsaKey } = ssh2.utils.generateKeyPairSync("rsa", { bits: 2048 });
    const { address, logIns } = await startFakeServer(rsaKey);

    await expect(open(address)).rejects.toMatchObject({ name: "MachineError", code: "host-key-changed" });
    expect(logIns).toEqual([]);
  });

  it("calls a refused connection passing", async () => {
    await expect(open({ host: "127.0.0.1", port: await freePort() })).rejects.toMatchObject({ name: "TransientError" });
  });

  it("calls a connection that is closed before its banner passing", async () => {
    const address = await listen(createServer((socket) => socket.destroy()));

    await expect(open(address)).rejects.toMatchObject({
      name: "TransientError",
      message: expect.stringContaining("closed before its SSH banner"),
    });
  });

  it("gives up on a connection that stays silent, as QEMU's user network keeps it before the guest listens", async () => {
    const address = await listen(createServer(() => {}));

    await expect(open(address, always, 50)).rejects.toMatchObject({
      name: "TransientError",
      message: expect.stringContaining("SSH banner"),
    });
  });

  it("stops with the signal's reason", async () => {
    const abort = new AbortController();
    const address = await listen(createServer(() => abort.abort(new Error("boot timeout"))));

    await expect(open(address, abort.signal)).rejects.toThrow("boot timeout");
  });
});
