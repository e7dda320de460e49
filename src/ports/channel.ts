import type { Duplex, Readable, Writable } from "node:stream";

export interface ExecOptions {
  /** Asks for a terminal of this size; then stdout carries both streams. */
  readonly terminal?: { readonly term: string; readonly columns: number; readonly rows: number } | undefined;
}

/** How a remote process ended: its exit code, or the signal that ended it (`SIGKILL`). */
export interface ExecExit {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
}

/** A process on a machine. Both outputs must be consumed; they carry back-pressure to the process. */
export interface RemoteProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves after both outputs ended. Rejects with MachineLostError when the channel broke first. */
  readonly exited: Promise<ExecExit>;
  resize(columns: number, rows: number): void;
  /** Closes the remote process's streams; sshd then hangs up on it. Idempotent. */
  close(): void;
}

/** One authenticated connection to one machine, opened when it becomes ready and kept until it ends. */
export interface Channel {
  /** Starts a command through the user's login shell, as that user. @throws MachineLostError when the channel is broken. */
  exec(command: string, options: ExecOptions, signal: AbortSignal): Promise<RemoteProcess>;
  /** Opens a stream to a unix socket on the machine. @throws MachineLostError when the channel is broken. */
  forward(socketPath: string, signal: AbortSignal): Promise<Duplex>;
  /** Resolves, never rejects, once the connection has ended, with a sentence why. */
  readonly closed: Promise<string>;
  close(): void;
}
