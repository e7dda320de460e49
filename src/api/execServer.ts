import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { prettifyError } from "zod";
import { ConfigError } from "../domain/errors.ts";
import type { ExecOptions, RemoteProcess } from "../ports/channel.ts";
import { bodyFromError } from "./errors.ts";
import { resizeSchema, startSchema } from "./execFrames.ts";
import { createFrames, FRAME } from "./frames.ts";
import type { Frames } from "./frames.ts";

type Exec = (command: string, options: ExecOptions, signal: AbortSignal) => Promise<RemoteProcess>;

/**
 * Serves one process over a connection that speaks in frames, until the process has ended or the client has gone.
 * @param onBug told of what is not the client's to know.
 */
export async function serveExec(
  connection: Duplex,
  head: Uint8Array,
  exec: Exec,
  signal: AbortSignal,
  onBug: (error: unknown) => void,
): Promise<void> {
  const started = Promise.withResolvers<unknown>();
  let running: RemoteProcess | undefined;
  const frames = createFrames(connection, head, (type, message) => {
    if (type === FRAME.start) started.resolve(message);
    if (type === FRAME.resize) {
      const { columns, rows } = resizeSchema.parse(message);
      running?.resize(columns, rows);
    }
  });
  // What a closed process still answers is up to its channel: nothing here waits for it once the client has gone.
  const gone = Promise.withResolvers<never>();
  gone.promise.catch(() => undefined);
  const stop = (): void => gone.reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });

  try {
    const parsed = startSchema.safeParse(await Promise.race([started.promise, gone.promise]));
    if (!parsed.success) {
      throw new ConfigError([{ place: "start frame", message: prettifyError(parsed.error) }], "request-invalid");
    }
    const { command, ...options } = parsed.data;
    running = await exec(command, options, signal);
    frames.send(FRAME.exit, await Promise.race([carry(running, frames), gone.promise]));
  } catch (error) {
    const body = bodyFromError(error);
    if (body.kind === "bug" && !signal.aborted) onBug(error);
    frames.send(FRAME.failed, body);
  } finally {
    signal.removeEventListener("abort", stop);
    running?.close();
    connection.end();
  }
}

/** Carries the three streams of a process; answers its exit once both outputs are on their way. */
async function carry(running: RemoteProcess, frames: Frames): Promise<unknown> {
  const stdin = frames.reader(FRAME.stdin);
  const outputs = [
    pipeline(running.stdout, frames.writer(FRAME.stdout)),
    pipeline(running.stderr, frames.writer(FRAME.stderr)),
  ];
  // A process may close its stdin, or end, before all of it has come.
  const input = pipeline(stdin, running.stdin).catch(() => undefined);
  frames.send(FRAME.started, {});
  // When the channel breaks, all of these fail, and the exit alone says why.
  const [exit] = await Promise.all([running.exited, ...outputs.map((output) => output.catch(() => undefined))]);
  stdin.destroy();
  await input;
  return exit;
}
