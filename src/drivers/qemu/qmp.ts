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
  close(): void;
}

const messageSchema = z.looseObject({
  QMP: z.unknown().optional(),
  return: z.unknown().optional(),
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
  const ready = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<string>();
  let why: string | undefined;

  createInterface({ input: socket, crlfDelay: Infinity })
    .on("line", (line) => {
      const message = messageFrom(line);
      if (message?.QMP !== undefined) socket.write('{"execute":"qmp_capabilities"}\n');
      if (message?.return !== undefined) ready.resolve();
      // The first word is the cause; a kill that follows a panic must not hide it.
      if (message?.event === "GUEST_PANICKED") why ??= SHUTDOWN_REASONS["guest-panic"];
      if (message?.event === "SHUTDOWN") why ??= SHUTDOWN_REASONS[message.data?.reason ?? ""];
    })
    .on("error", () => undefined);
  ready.promise.catch(() => undefined);
  socket
    .on("error", () => undefined)
    .on("close", () => {
      ready.reject(new Error("QEMU closed its control socket"));
      ended.resolve(why ?? KILLED);
    });
  const abort = (): void => ready.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  // It may have aborted while nobody listened.
  if (signal.aborted) abort();
  try {
    await ready.promise;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
  return { ended: ended.promise, close: () => socket.destroy() };
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

function messageFrom(line: string): z.infer<typeof messageSchema> | undefined {
  try {
    return messageSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
