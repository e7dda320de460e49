import { open } from "node:fs/promises";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { z } from "zod";

/** Name of the control socket in an instance's folder. */
export const QMP_SOCKET = "qmp.sock";

/** A connection to the control socket of one QEMU process; it lives as long as the process. */
export interface QmpConnection {
  /** Resolves, never rejects, when the connection has ended, with a sentence why as far as QEMU told. */
  readonly ended: Promise<string>;
  /** Runs one command. @throws Error with QEMU's words, or when the connection ends first. */
  execute(command: string, args: object, signal: AbortSignal): Promise<unknown>;
  close(): void;
}

const messageSchema = z.looseObject({
  QMP: z.unknown().optional(),
  return: z.unknown().optional(),
  error: z.looseObject({ desc: z.string() }).optional(),
  event: z.string().optional(),
  data: z.looseObject({ reason: z.string().optional() }).optional(),
});

/** Source: `ShutdownCause` in QEMU's qapi/run-state.json. */
const SHUTDOWN_REASONS: Readonly<Record<string, string>> = {
  "guest-shutdown": "the guest powered itself off",
  "guest-reset": "the guest rebooted, or its kernel panicked",
  "guest-panic": "the guest's kernel panicked",
  "host-signal": "its QEMU process was ended by a signal",
  "host-qmp-quit": "its QEMU process was told to quit",
};

/** What an end without a word means. */
export const KILLED = "its QEMU process was killed or crashed";

/**
 * Connects to the process of an instance's folder; resolves once QEMU has finished its own start and answers.
 * @throws the socket's error while nobody listens there, or the signal's reason.
 */
export async function connectQmp(folder: string, signal: AbortSignal): Promise<QmpConnection> {
  signal.throwIfAborted();
  const socket = await connectInside(folder, signal);
  const replies: PromiseWithResolvers<unknown>[] = [];
  const ended = Promise.withResolvers<string>();
  const greeted = Promise.withResolvers<void>();
  greeted.promise.catch(() => undefined);
  let why: string | undefined;

  const hear = (message: z.infer<typeof messageSchema>): void => {
    if (message.QMP !== undefined) greeted.resolve();
    if (message.return !== undefined) replies.shift()?.resolve(message.return);
    if (message.error !== undefined) replies.shift()?.reject(new Error(`QEMU refused: ${message.error.desc}`));
    // The first word is the cause; a kill that follows a panic must not hide it.
    if (message.event === "GUEST_PANICKED") why ??= SHUTDOWN_REASONS["guest-panic"];
    if (message.event === "SHUTDOWN") why ??= SHUTDOWN_REASONS[message.data?.reason ?? ""];
  };
  const hangUp = (): void => {
    const cut = new Error("QEMU closed its control socket");
    greeted.reject(cut);
    for (const reply of replies.splice(0)) reply.reject(cut);
    ended.resolve(why ?? KILLED);
  };
  const execute: QmpConnection["execute"] = async (command, args, until) => {
    until.throwIfAborted();
    if (socket.destroyed) throw new Error("QEMU closed its control socket");
    const reply = Promise.withResolvers<unknown>();
    replies.push(reply);
    socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    // Its place in the queue stays: QEMU answers in order.
    const giveUp = (): void => reply.reject(until.reason);
    until.addEventListener("abort", giveUp, { once: true });
    return reply.promise.finally(() => until.removeEventListener("abort", giveUp));
  };
  createInterface({ input: socket, crlfDelay: Infinity })
    .on("line", (line) => hear(messageFrom(line)))
    .on("error", () => undefined);
  socket.on("error", () => undefined).on("close", hangUp);
  const abort = (): void => void socket.destroy();
  signal.addEventListener("abort", abort, { once: true });
  try {
    // It may have aborted while nobody listened.
    if (signal.aborted || socket.destroyed) throw new Error("QEMU closed its control socket");
    await greeted.promise;
    await execute("qmp_capabilities", {}, signal);
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
  return { ended: ended.promise, execute, close: () => socket.destroy() };
}

/** A socket's path may have 107 bytes only, a state directory has more: so the way leads through an open folder. */
async function connectInside(folder: string, signal: AbortSignal): Promise<Socket> {
  const directory = await open(folder, "r");
  try {
    const socket = connect(`/proc/self/fd/${directory.fd}/${QMP_SOCKET}`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = (): void => void socket.destroy(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    socket
      .once("connect", resolve)
      .once("error", reject)
      .once("close", () => reject(new Error("closed")));
    await promise.finally(() => signal.removeEventListener("abort", abort));
    socket.off("error", reject);
    return socket;
  } finally {
    await directory.close();
  }
}

/** What cannot be understood says nothing. */
function messageFrom(line: string): z.infer<typeof messageSchema> {
  try {
    return messageSchema.parse(JSON.parse(line));
  } catch {
    return {};
  }
}
