import type { Duplex } from "node:stream";
import { finished } from "node:stream/promises";
import { TransientError } from "../domain/errors.ts";
import type { ExecExit, ExecOptions, RemoteProcess } from "../ports/channel.ts";
import { errorFromBody } from "./errors.ts";
import type { ErrorBody } from "./errors.ts";
import { createFrames, FRAME } from "./frames.ts";

/**
 * Starts a process over a connection that speaks in frames.
 * @throws what the server answered; the signal's reason when it aborts; TransientError when the connection breaks.
 */
export async function openExec(
  connection: Duplex,
  head: Uint8Array,
  command: string,
  options: ExecOptions,
  signal: AbortSignal,
): Promise<RemoteProcess> {
  const started = Promise.withResolvers<void>();
  const exited = Promise.withResolvers<ExecExit>();
  // Whoever does not wait for the exit is not to be ended by its failure.
  exited.promise.catch(() => undefined);

  const frames = createFrames(connection, head, (type, message) => {
    if (type === FRAME.started) started.resolve();
    if (type === FRAME.failed) fail(errorFromBody(message as ErrorBody));
    if (type === FRAME.exit) {
      stdin.destroy();
      connection.end();
      void Promise.allSettled([finished(stdout), finished(stderr)]).then(() => exited.resolve(message as ExecExit));
    }
  });
  const stdin = frames.writer(FRAME.stdin);
  const stdout = frames.reader(FRAME.stdout);
  const stderr = frames.reader(FRAME.stderr);
  for (const stream of [stdin, stdout, stderr]) stream.on("error", () => undefined);

  const fail = (error: Error): void => {
    started.reject(error);
    exited.reject(error);
    for (const stream of [stdin, stdout, stderr]) stream.destroy(error);
    connection.destroy();
  };
  const onAbort = (): void => fail(signal.reason as Error);
  connection.on("error", () => undefined);
  connection.on("close", () => {
    signal.removeEventListener("abort", onAbort);
    if (!stdin.destroyed) fail(new TransientError("connection-lost", "the connection to the mayfly daemon broke"));
  });
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });

  frames.send(FRAME.start, { command, ...options });
  await started.promise;
  return {
    stdin,
    stdout,
    stderr,
    exited: exited.promise,
    resize: (columns, rows) => frames.send(FRAME.resize, { columns, rows }),
    close: () => connection.destroy(),
  };
}
