import { finished } from "node:stream/promises";
import type { ClientChannel } from "ssh2";
import type { MachineLostError } from "../domain/errors.ts";
import type { ExecExit, RemoteProcess } from "../ports/channel.ts";
import { endReadable, readableFrom, writableTo } from "./streams.ts";

/** Tells a listener, at most once, that the connection is gone; answers how to stop listening. */
export type OnLost = (listener: (error: MachineLostError) => void) => () => void;

/** Presents one exec channel as a process. The signal ends this process's streams alone. */
export function remoteProcessFrom(stream: ClientChannel, onLost: OnLost, signal: AbortSignal): RemoteProcess {
  const stdin = writableTo(stream);
  const stdout = readableFrom(stream);
  const stderr = readableFrom(stream.stderr);
  const { promise: exited, resolve, reject } = Promise.withResolvers<ExecExit>();
  let exit: ExecExit | undefined;
  // Whoever reads only the outputs need not watch the exit as well.
  exited.catch(() => {});

  stream.on("exit", (code: number | null, signalName?: string) => {
    exit = code === null ? { signal: signalName } : { exitCode: code };
  });

  const hangUp = (): void => {
    stream.close();
    stdin.destroy();
    endReadable(stdout);
    endReadable(stderr);
  };
  const onAbort = (): void => {
    reject(signal.reason);
    hangUp();
  };
  const stopListening = onLost((error) => {
    // A process that has told its exit is not lost: what it wrote is here and waits to be read.
    if (exit === undefined) reject(error);
  });
  signal.addEventListener("abort", onAbort, { once: true });

  const closed = new Promise<void>((done) => stream.once("close", () => done()));
  const drained = [stdout, stderr].map((output) => finished(output).catch(() => {}));
  Promise.all([closed, ...drained]).then(
    () => resolve(exit ?? {}),
    () => {},
  );
  const forget = (): void => {
    stopListening();
    signal.removeEventListener("abort", onAbort);
  };
  exited.then(forget, forget);

  return {
    stdin,
    stdout,
    stderr,
    exited,
    resize: (columns, rows) => stream.setWindow(rows, columns, 0, 0),
    close: () => {
      resolve(exit ?? {});
      hangUp();
    },
  };
}
