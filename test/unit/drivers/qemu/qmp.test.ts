import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connectQmp, KILLED, QMP_SOCKET } from "../../../../src/drivers/qemu/qmp.ts";

const GREETING = { QMP: { version: {}, capabilities: [] } };
const shutdown = (reason: string): object => ({ event: "SHUTDOWN", data: { guest: true, reason } });
const never = new AbortController().signal;

describe("QMP connection", () => {
  let home: string;
  let folder: string;
  let server: Server;

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "mayfly-qmp-"));
    folder = home;
  });
  afterEach(async () => {
    server?.close();
    await rm(home, { recursive: true, force: true });
  });

  /** Plays QEMU's side; the socket's path is relative, as in a real instance's folder. */
  async function listen(onConnection: (socket: Socket) => void): Promise<void> {
    server = createServer(onConnection);
    const cwd = process.cwd();
    process.chdir(folder);
    server.listen(QMP_SOCKET);
    process.chdir(cwd);
    await once(server, "listening");
  }
  const say = (socket: Socket, ...messages: object[]): void =>
    void socket.write(messages.map((message) => `${JSON.stringify(message)}\r\n`).join(""));

  it.each([
    ["guest-shutdown", "the guest powered itself off"],
    ["guest-reset", "the guest rebooted, or its kernel panicked"],
    ["a-new-one", KILLED],
  ])("tells why the process ended: %s", async (reason, sentence) => {
    await listen((socket) => {
      say(socket, GREETING);
      socket.once("data", () => {
        say(socket, { return: {} }, shutdown(reason));
        socket.end();
      });
    });

    const connection = await connectQmp(folder, never);

    expect(await connection.ended).toBe(sentence);
  });

  it("keeps the first cause when another follows", async () => {
    await listen((socket) => {
      say(socket, GREETING);
      socket.once("data", () => {
        say(socket, { return: {} }, { event: "GUEST_PANICKED", data: {} }, shutdown("guest-reset"));
        socket.end();
      });
    });

    const connection = await connectQmp(folder, never);

    expect(await connection.ended).toBe("the guest's kernel panicked");
  });

  it("connects in a folder whose path is longer than a socket's may be", async () => {
    folder = join(home, "a".repeat(100), "b".repeat(100));
    await mkdir(folder, { recursive: true });
    await listen((socket) => {
      say(socket, GREETING);
      socket.once("data", () => say(socket, { return: {} }));
    });

    const connection = await connectQmp(folder, never);

    connection.close();
    expect(await connection.ended).toBe(KILLED);
  });

  it("gives each command its answer, or QEMU's refusal, whatever events come in between", async () => {
    await listen((socket) => {
      say(socket, GREETING);
      socket.on("data", (data) => {
        const { execute } = JSON.parse(String(data)) as { execute: string };
        say(socket, { event: "RTC_CHANGE", data: {} });
        say(socket, execute === "no-such" ? { error: { class: "X", desc: "unknown command" } } : { return: execute });
      });
    });
    const connection = await connectQmp(folder, never);

    expect(await connection.execute("query-status", {}, never)).toBe("query-status");
    await expect(connection.execute("no-such", {}, never)).rejects.toThrow("QEMU refused: unknown command");
    expect(await connection.execute("stop", {}, never)).toBe("stop");

    connection.close();
  });

  it("rejects a command that is under way when the process ends", async () => {
    await listen((socket) => {
      say(socket, GREETING);
      socket.once("data", () => {
        say(socket, { return: {} });
        socket.once("data", () => socket.destroy());
      });
    });
    const connection = await connectQmp(folder, never);

    await expect(connection.execute("stop", {}, never)).rejects.toThrow("closed its control socket");
    await expect(connection.execute("stop", {}, never)).rejects.toThrow("closed its control socket");
  });

  it("gives up with the signal's reason while QEMU says nothing", async () => {
    const connected = Promise.withResolvers<void>();
    await listen(() => connected.resolve());
    const giveUp = new AbortController();
    const connecting = connectQmp(folder, giveUp.signal);
    const outcome = expect(connecting).rejects.toThrow("enough");

    await connected.promise;
    giveUp.abort(new Error("enough"));

    await outcome;
  });

  it("fails when nobody listens", async () => {
    await expect(connectQmp(folder, never)).rejects.toMatchObject({ code: "ENOENT" });
  });
});
