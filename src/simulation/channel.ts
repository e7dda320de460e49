import { PassThrough } from "node:stream";
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { MachineLostError } from "../domain/errors.ts";
import type { Channel, ExecExit, ExecOptions, RemoteProcess } from "../ports/channel.ts";

/** The machine's end of a process: what a scripted program gets. It need not end its outputs. */
interface SimulatedProgram {
  readonly command: string;
  readonly options: ExecOptions;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Aborts when the process is closed or its channel breaks. */
  readonly signal: AbortSignal;
}

/** Plays a program on a simulated machine. */
export type RunProgram = (program: SimulatedProgram) => Promise<ExecExit>;

/** A channel in memory, whose far end can cut it. */
export interface SimulatedChannel extends Channel {
  /** Breaks the channel as a lost machine would. Idempotent. */
  cut(why: string): void;
  /** Aborts with MachineLostError when the channel breaks. */
  readonly broken: AbortSignal;
}

/** Reads its input to the end and exits with 0. */
export const quietProgram: RunProgram = async ({ stdin }) => {
  stdin.resume();
  return { exitCode: 0 };
};

/** Creates an open channel whose programs are played by `runProgram`. A forwarded socket echoes. */
export function createSimulatedChannel(runProgram: RunProgram): SimulatedChannel {
  const closing = Promise.withResolvers<string>();
  const broken = new AbortController();

  const cut = (why: string): void => {
    if (broken.signal.aborted) return;
    broken.abort(new MachineLostError("channel-lost", why));
    closing.resolve(why);
  };

  return {
    closed: closing.promise,
    cut,
    broken: broken.signal,
    close: () => cut("closed by us"),
    async exec(command, options, signal) {
      signal.throwIfAborted();
      broken.signal.throwIfAborted();
      return startProgram(runProgram, command, options, broken.signal);
    },
    async forward(_socketPath, signal) {
      signal.throwIfAborted();
      broken.signal.throwIfAborted();
      const stream = new PassThrough();
      broken.signal.addEventListener("abort", () => stream.destroy(), { once: true });
      return stream;
    },
  };
}

function startProgram(
  runProgram: RunProgram,
  command: string,
  options: ExecOptions,
  broken: AbortSignal,
): RemoteProcess {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const closing = new AbortController();
  const signal = AbortSignal.any([broken, closing.signal]);
  const lost = Promise.withResolvers<never>();
  broken.addEventListener("abort", () => lost.reject(broken.reason), { once: true });

  const run = async (): Promise<ExecExit> => {
    const outputsEnded = Promise.all([stdout, stderr].map((stream) => finished(stream, { writable: false })));
    outputsEnded.catch(() => undefined);
    const exit = await runProgram({ command, options, stdin, stdout, stderr, signal });
    stdout.end();
    stderr.end();
    await outputsEnded;
    return exit;
  };
  const hangUp = async (): Promise<ExecExit> => {
    await new Promise((resolve) => closing.signal.addEventListener("abort", resolve, { once: true }));
    return { signal: "SIGHUP" };
  };
  const endAll = (): void => {
    for (const stream of [stdin, stdout, stderr]) stream.destroy();
  };
  signal.addEventListener("abort", endAll, { once: true });
  const exited = Promise.race([lost.promise, hangUp(), run()]);
  // A holder that only streams must not fail on a promise that it never looked at.
  exited.catch(() => undefined);

  return { stdin, stdout, stderr, exited, resize: () => undefined, close: () => closing.abort() };
}
