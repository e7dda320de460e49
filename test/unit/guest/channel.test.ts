import { once } from "node:events";
import { statSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { finished, pipeline } from "node:stream/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/daemon/clock.ts";
import { openChannel } from "../../../src/guest/handshake.ts";
import type { Channel } from "../../../src/ports/channel.ts";
import { describeChannel } from "../../contract/channel.ts";
import type { TestSshd } from "../../support/sshd.ts";
import { startSshd } from "../../support/sshd.ts";

const always = new AbortController().signal;
const MiB = 1024 * 1024;
const BLOCKS = 100;
const BLOCK_BYTES = 1_000_000;

let sshd: TestSshd;
beforeAll(async () => {
  sshd = await startSshd();
});
afterAll(async () => {
  await sshd.stop();
});

const openTo = ({ address, keys, user }: TestSshd): Promise<Channel> =>
  openChannel(address, keys, user, 5_000, systemClock, always);

describeChannel("a real sshd", async () => {
  const channel = await openTo(sshd);
  return { channel, end: async () => channel.close() };
});

describe("the channel over SSH", () => {
  it("takes 10 MB of stdin", async () => {
    const channel = await openTo(sshd);
    const running = await channel.exec("wc -c", {}, always);

    await pipeline(Readable.from(Array.from({ length: 160 }, () => Buffer.alloc(65_536, 7))), running.stdin);

    expect((await text(running.stdout)).trim()).toBe(String(160 * 65_536));
    channel.close();
  });

  it("ends the writer's pipeline when the process leaves without reading its stdin", async () => {
    const channel = await openTo(sshd);
    const running = await channel.exec("true", {}, always);
    running.stdout.resume();
    running.stderr.resume();

    const endless = Readable.from(
      (function* () {
        for (;;) yield Buffer.alloc(65_536);
      })(),
    );

    await expect(pipeline(endless, running.stdin)).rejects.toThrow();
    expect(await running.exited).toEqual({ exitCode: 0 });
    channel.close();
  });

  it("stops a process whose output nobody reads, and holds little of it", async () => {
    const channel = await openTo(sshd);
    // The process keeps count of the blocks that it got rid of. What nobody has read of them is held somewhere.
    const countFile = join(sshd.folder, "count");
    writeFileSync(countFile, "");
    const script = `for _ in $(seq ${BLOCKS}); do head -c ${BLOCK_BYTES} /dev/zero; printf . >>${countFile}; done; echo done >&2`;
    const running = await channel.exec(script, {}, always);
    const complaint = text(running.stderr);
    const heldAfter = (readBytes: number): number => statSync(countFile).size * BLOCK_BYTES - readBytes;

    // Other work on the same connection goes on for a while, during which a process that were not held would go on too.
    for (let round = 0; round < 10; round += 1) {
      const other = await channel.exec("head -c 1000000 /dev/zero", {}, always);
      await buffer(other.stdout);
    }

    let held = heldAfter(0);
    let length = 0;
    for await (const chunk of running.stdout as AsyncIterable<Buffer>) {
      length += chunk.length;
      held = Math.max(held, heldAfter(length));
    }
    expect(length).toBe(BLOCKS * BLOCK_BYTES);
    expect(await running.exited).toEqual({ exitCode: 0 });
    expect(await complaint).toBe("done\n");
    // One window on its way, and sshd takes as much again from the process in advance.
    expect(held).toBeLessThan(6 * MiB);
    channel.close();
  });

  it("gives a terminal of the asked size, and resizes it", async () => {
    const channel = await openTo(sshd);
    const terminal = { term: "xterm", columns: 91, rows: 33 };
    const running = await channel.exec("stty size; read line; stty size", { terminal }, always);
    let said = "";
    running.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("33 91") && !said.includes("go")) {
        running.resize(120, 40);
        running.stdin.write("go\n");
      }
    });
    running.stderr.resume();

    await running.exited;

    expect(said).toMatch(/33 91[\s\S]*40 120/);
    channel.close();
  });

  it("forwards to a unix socket, several at once, and survives one that nobody serves", async () => {
    const channel = await openTo(sshd);
    const path = join(sshd.folder, "http.sock");
    const server = createServer((asked, response) => {
      asked.pipe(response);
    }).listen(path);
    await once(server, "listening");

    await expect(channel.forward(join(sshd.folder, "nobody.sock"), always)).rejects.toMatchObject({
      name: "TransientError",
      code: "channel-refused",
    });
    const echoes = await Promise.all(
      ["one", "two"].map(async (word) => {
        const socket = await channel.forward(path, always);
        const asked = request({ createConnection: () => socket, method: "POST", headers: { connection: "close" } });
        asked.end(word.repeat(100_000));
        const [answer] = await once(asked, "response");
        const { length } = await text(answer);
        socket.end();
        await finished(socket);
        return length;
      }),
    );

    expect(echoes).toEqual([300_000, 300_000]);
    server.close();
    channel.close();
  });

  it("destroys a forwarded stream with the loss, not with an end that looks regular", async () => {
    const channel = await openTo(sshd);
    const path = join(sshd.folder, "silent.sock");
    const server = createServer(() => {}).listen(path);
    await once(server, "listening");
    const socket = await channel.forward(path, always);

    const failure = once(socket, "error");
    channel.close();

    expect((await failure)[0]).toMatchObject({ name: "MachineLostError", code: "channel-lost" });
    server.close();
  });

  it("notices at once when the machine's side ends", async () => {
    const mine = await startSshd();
    const channel = await openTo(mine);
    const running = await channel.exec("echo begun; cat", {}, always);
    // Whoever is not there yet when all are ended would live on, and keep the connection.
    await once(running.stdout, "data");

    await mine.stop();

    await expect(running.exited).rejects.toMatchObject({ name: "MachineLostError", code: "channel-lost" });
    expect(await channel.closed).toMatch(/closed the connection|broke/);
  });

  it("notices a machine that has stopped answering", { timeout: 40_000 }, async () => {
    const mine = await startSshd();
    const channel = await openTo(mine);
    const running = await channel.exec("echo begun; cat", {}, always);
    await once(running.stdout, "data");

    mine.freeze();

    await expect(running.exited).rejects.toMatchObject({ name: "MachineLostError" });
    expect(await channel.closed).toMatch(/Keepalive/);
    await mine.stop();
  });
});
