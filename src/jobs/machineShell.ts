import { SystemError } from "../domain/errors.ts";
import type { ScriptTrace } from "../domain/jobProgress.ts";
import type { Channel, RemoteProcess } from "../ports/channel.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import type { MachineFolders } from "./run.ts";
import type { ScriptExit, ScriptHost, ScriptRun } from "./scriptHost.ts";
import { KILLED_EXIT_CODE, STOP_GRACE_MS, STOP_PATIENCE_MS } from "./scriptHost.ts";
import { claimScript } from "./scriptState.ts";
import type { ScriptStream } from "./scriptStream.ts";
import { copyScript, firstCause } from "./scriptStream.ts";
import { feed } from "./stdin.ts";
import { followerCommand, RUN_WORD, scriptMessage, STOP_WORD } from "./supervisor.ts";
import { startSupervisor } from "./waitingSupervisors.ts";
import type { Supervisor, WaitingSupervisors } from "./waitingSupervisors.ts";
import { orAborted, whenAborted, within } from "./waits.ts";

/**
 * How long output of processes that outlive their script's shell is still taken: the last words of a `tee`, and no more
 * of a server that was left in the background.
 */
const STRAGGLERS_MS = 2_000;

export interface MachineShellDeps {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly random: Random;
  /** Those that were started ahead. @default none are */
  readonly supervisors?: Pick<WaitingSupervisors, "take"> | undefined;
}

/**
 * Runs scripts on the machine itself. Each takes one exec, unless a supervisor waits there already: the script comes in on its stdin.
 * @param builds parent of the job's folder.
 * @param user the machine's own, or root, whose files are open to all, as a container's user of whatever id needs them.
 */
export function createMachineShell(
  jobDir: string,
  { builds, scratch }: MachineFolders,
  deps: MachineShellDeps,
  user: "own" | "root" = "own",
): ScriptHost {
  const { channel, random } = deps;
  return {
    async runScript(script, run, onTrace) {
      const waiting = user === "own" ? await orAborted(takeWaiting(deps), run.signal) : undefined;
      const { trace, process } =
        waiting ?? (await startSupervisor(channel, { builds, scratch }, user, random, run.signal));
      return followScript(process, trace, run, deps, notStarted, async (either) => {
        // The record and the upload are under way together; nothing starts before both have arrived.
        await orAborted(
          Promise.all([feed(process.stdin, scriptMessage(script, jobDir), either), onTrace(trace)]),
          either,
        );
        process.stdin.write(RUN_WORD);
      });
    },
    async resumeScript(trace, takenBytes, run) {
      const state = await claimScript(channel, trace, run.signal);
      if (state === "never") {
        return undefined;
      }
      const process = await channel.exec(followerCommand(trace, takenBytes), {}, run.signal);
      const stop = state === "ended" ? new AbortController().signal : run.stop;
      return followScript(process, trace, { ...run, stop }, deps, notFollowed, async () => undefined);
    },
  };
}

const takeWaiting = async ({ channel, supervisors }: MachineShellDeps): Promise<Supervisor | undefined> =>
  supervisors?.take(channel);

const notStarted = (complaint: string): SystemError =>
  new SystemError("script-not-started", `the script could not be started: ${complaint}`);

/** What it means when the output of a script that was gone on with has no end. */
export const notFollowed = (complaint: string): SystemError => {
  const why = complaint === "" ? "its machine did not keep the end of its output: its disk may be full" : complaint;
  return new SystemError("script-not-followed", `the script could not be followed: ${why}`);
};

/**
 * @param failure what it means when the output has no end, given what the process complained of.
 * @param start what must happen before there is output; its signal aborts with `stop`, too.
 */
async function followScript(
  process: RemoteProcess,
  { nonce }: ScriptTrace,
  { output, stop, signal }: ScriptRun,
  { clock }: MachineShellDeps,
  failure: (complaint: string) => SystemError,
  start: (signal: AbortSignal) => Promise<void>,
): Promise<ScriptExit> {
  const stream = copyScript(process, nonce, { output, signal }, clock);
  try {
    await start(AbortSignal.any([signal, stop]));
    return await untilEnded(process, stream, stop, signal, clock, failure);
  } catch (error) {
    if (stop.aborted && error === stop.reason) {
      return { exitCode: KILLED_EXIT_CODE, wasStopped: true };
    }
    throw await firstCause(error, process, signal, clock);
  } finally {
    stream.close();
  }
}

async function untilEnded(
  process: RemoteProcess,
  stream: ScriptStream,
  stop: AbortSignal,
  signal: AbortSignal,
  clock: Clock,
  failure: (complaint: string) => SystemError,
): Promise<ScriptExit> {
  using stopped = whenAborted(stop);
  await orAborted(Promise.race([stream.marked, stopped]), signal);
  const wasStopped = stop.aborted && stream.exitCode === undefined;
  process.stdin.end(wasStopped ? STOP_WORD : undefined);
  await orAborted(within(clock, wasStopped ? STOP_GRACE_MS + STOP_PATIENCE_MS : STRAGGLERS_MS, stream.drained), signal);
  const { exitCode } = stream;
  if (exitCode !== undefined || wasStopped) {
    return { exitCode: exitCode ?? KILLED_EXIT_CODE, wasStopped };
  }
  await orAborted(process.exited, signal);
  throw failure((await stream.complaint).trim());
}
