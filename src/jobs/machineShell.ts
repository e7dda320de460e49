import { MachineLostError, SystemError } from "../domain/errors.ts";
import type { Channel, RemoteProcess } from "../ports/channel.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import { collectText } from "./collect.ts";
import { EndMarker } from "./endMarker.ts";
import type { JobOutput } from "./output.ts";
import type { ScriptHost } from "./scriptHost.ts";
import { KILLED_EXIT_CODE, STOP_GRACE_MS, STOP_PATIENCE_MS } from "./scriptHost.ts";
import { feed } from "./stdin.ts";
import { RUN_WORD, STOP_WORD, supervisorCommand } from "./supervisor.ts";
import { orAborted, whenAborted, within } from "./waits.ts";

/**
 * How long output of processes that outlive their script's shell is still taken: the last words of a `tee`, and no more
 * of a server that was left in the background.
 */
const STRAGGLERS_MS = 2_000;
/** How long a process whose streams broke is given to say why. */
const EXIT_PATIENCE_MS = 1_000;

export interface MachineShellDeps {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly random: Random;
}

/** Runs scripts on the machine itself, as its user. Each takes one exec: the script comes in on its stdin. */
export function createMachineShell(jobDir: string, scratchDir: string, deps: MachineShellDeps): ScriptHost {
  return {
    async runScript(script, output, stop, signal) {
      const nonce = deps.random.id("end");
      const command = supervisorCommand({
        jobDir,
        scriptDir: `${scratchDir}/${deps.random.id(".mayfly")}`,
        scriptBytes: script.length,
        nonce,
        graceSeconds: STOP_GRACE_MS / 1_000,
      });
      const process = await deps.channel.exec(command, {}, signal);
      const complaint = collectText(process.stderr);
      // A process that ended early breaks its stdin; its outputs and its exit say why.
      process.stdin.on("error", () => undefined);
      process.exited.catch(() => undefined);
      try {
        await feed(process.stdin, script, AbortSignal.any([signal, stop]));
        process.stdin.write(RUN_WORD);
        const exitCode = await follow(process, new EndMarker(nonce), output, stop, signal, deps.clock);
        if (exitCode !== undefined) {
          return exitCode;
        }
        await orAborted(process.exited, signal);
        throw new SystemError("script-not-started", `the script could not be started: ${(await complaint).trim()}`);
      } catch (error) {
        if (stop.aborted && error === stop.reason) {
          return KILLED_EXIT_CODE;
        }
        throw await firstCause(error, process, signal, deps.clock);
      } finally {
        process.close();
      }
    },
  };
}

/** Passes the output on until it ends; answers the exit code, or undefined when the supervisor ended without one. */
async function follow(
  process: RemoteProcess,
  marker: EndMarker,
  output: JobOutput,
  stop: AbortSignal,
  signal: AbortSignal,
  clock: Clock,
): Promise<number | undefined> {
  let exitCode: number | undefined;
  const ended = new AbortController();
  const copy = async (): Promise<void> => {
    for await (const chunk of process.stdout) {
      const split = marker.push(chunk as Uint8Array);
      if (split.bytes.length > 0) {
        await orAborted(output(split.bytes), signal);
      }
      if (split.exitCode !== undefined) {
        exitCode = split.exitCode;
        ended.abort();
      }
    }
    const rest = marker.flush();
    if (rest.length > 0) {
      await orAborted(output(rest), signal);
    }
  };
  const copied = copy();
  copied.catch(() => undefined);
  using stopped = whenAborted(stop);
  using marked = whenAborted(ended.signal);
  await orAborted(Promise.race([copied, marked, stopped]), signal);
  if (stop.aborted && exitCode === undefined) {
    process.stdin.end(STOP_WORD);
    await orAborted(within(clock, STOP_GRACE_MS + STOP_PATIENCE_MS, copied), signal);
    return exitCode ?? KILLED_EXIT_CODE;
  }
  process.stdin.end();
  await orAborted(within(clock, STRAGGLERS_MS, copied), signal);
  return exitCode;
}

/** A broken channel shows first as a broken stream; only the process's exit tells that the machine is lost. */
async function firstCause(error: unknown, process: RemoteProcess, signal: AbortSignal, clock: Clock): Promise<unknown> {
  if (signal.aborted || error instanceof MachineLostError) {
    return error;
  }
  const exited = process.exited.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return (await within(clock, EXIT_PATIENCE_MS, exited)) ?? error;
}
