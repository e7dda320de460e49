import type Docker from "dockerode";
import { NotFoundError } from "../domain/errors.ts";
import type { LeaseId, MachineId } from "../domain/ids.ts";
import type { LeaseIn } from "../domain/lease.ts";
import { createEngineAgent } from "../guest/engine/agent.ts";
import { createDocker } from "../guest/engine/docker.ts";
import type { ExecOptions, RemoteProcess } from "../ports/channel.ts";
import type { AcquireDeps } from "./acquire.ts";
import { keepRenewed } from "./keepRenewed.ts";
import { runToEnd } from "./runToEnd.ts";
import type { RunOptions, RunResult } from "./runToEnd.ts";

/**
 * One fresh machine in the hands of this program, and of nobody else. It is renewed by itself until it is released, which
 * keeps this process running; a program that dies loses it when its time to live is over, and the machine ends.
 */
export interface HeldLease extends AsyncDisposable {
  readonly id: LeaseId;
  readonly machineId: MachineId;
  readonly poolName: string;
  /** Aborts, with the error that says why, once the lease is known to have ended without a release: lapsed, taken away, its machine lost. */
  readonly lost: AbortSignal;
  /**
   * Runs a command through the login shell of the machine's user, to its end. An exit code other than 0 is no error.
   * @throws MachineLostError when the machine goes meanwhile; TransientError when the daemon does; the signal's reason when it aborts.
   */
  run(command: string, options?: RunOptions): Promise<RunResult>;
  /** Starts a command and answers its streams. Throws as `run` does. */
  exec(command: string, options?: ExecOptions & { readonly signal?: AbortSignal | undefined }): Promise<RemoteProcess>;
  /** A client of the machine's own Docker engine, over the daemon's connection to the machine. It works until the release. */
  docker(): Docker;
  /** Ends the lease, and with it the machine. Idempotent; ended already is success. */
  release(): Promise<void>;
}

/** Takes a lease that is held into a program's hands. */
export function holdLease({ manager, clock }: AcquireDeps, lease: LeaseIn<"held">): HeldLease {
  const { id, machineId, poolName } = lease;
  const released = new AbortController();
  const lost = new AbortController();
  void keepRenewed({ manager, clock }, lease, released.signal).then((why) => {
    if (!released.signal.aborted) lost.abort(why);
  });
  const agent = createEngineAgent({ forward: (_path, signal) => manager.forwardEngine(id, signal) }, "");
  const exec: HeldLease["exec"] = (command, { signal = never, ...options } = {}) =>
    manager.execOnLease(id, command, options, signal);

  let releasing: Promise<void> | undefined;
  const release = (): Promise<void> => {
    releasing ??= (async () => {
      released.abort(new Error("the lease was released"));
      agent.destroy();
      await manager.releaseLease(id).catch((error: unknown) => {
        if (!(error instanceof NotFoundError)) throw error;
      });
    })();
    return releasing;
  };
  return {
    ...{ id, machineId, poolName, lost: lost.signal, exec, release },
    run: async (command, options = {}) => runToEnd(await exec(command, { signal: options.signal }), options),
    docker: () => createDocker(agent),
    [Symbol.asyncDispose]: release,
  };
}

const never = new AbortController().signal;
