import type { ScriptTrace } from "../../domain/jobProgress.ts";
import type { Channel, RemoteProcess } from "../../ports/channel.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Container } from "../../ports/engine.ts";
import type { Random } from "../../ports/random.ts";
import { notFollowed } from "../machineShell.ts";
import type { ScriptExit, ScriptHost, ScriptRun } from "../scriptHost.ts";
import { KILLED_EXIT_CODE, STOP_GRACE_MS, STOP_PATIENCE_MS } from "../scriptHost.ts";
import { claimScript } from "../scriptState.ts";
import type { ScriptStream } from "../scriptStream.ts";
import { copyScript, firstCause } from "../scriptStream.ts";
import { feed } from "../stdin.ts";
import { ENDED_WORD, followerCommand, RUN_WORD, scriptMessage, supervisorCommand } from "../supervisor.ts";
import { newTrace } from "../waitingSupervisors.ts";
import { orAborted, whenAborted, within } from "../waits.ts";
import { AS_ROOT, runOnMachine } from "../workspace.ts";

/** Where a job's container sees the folder that holds its script and its pipe. */
export const SCRIPT_MOUNT = "/.mayfly";
/** The pipe in that folder: the way of all that the container writes. */
export const PIPE_NAME = "pipe";
/** How long the output of a container that has ended may stay silent before it is given up. */
const SILENCE_MS = 10_000;
/** Of what the engine itself knows about a container that never came to its script. */
const LOG_LINES = 50;

/**
 * The container's first command: it waits at the pipe until the script may begin, then becomes the image's entrypoint. All
 * output takes this way, and not the engine's: it keeps every byte and their order, and what was written while nobody
 * listened can be read later. An engine's log keeps lines, not bytes; its streams keep nothing, and no order between two.
 */
export const GATE: readonly string[] = [
  "sh",
  "-c",
  `exec >${SCRIPT_MOUNT}/${PIPE_NAME} 2>&1 || exit 1; exec "$@"`,
  "mayfly",
];

/** Picks the image's best shell, in GitLab's order, and has it read the script. The image's entrypoint runs this. */
export const SHELL_COMMAND: readonly string[] = [
  "sh",
  "-c",
  `for shell in /usr/local/bin/bash /usr/bin/bash /bin/bash /usr/local/bin/sh /usr/bin/sh /bin/sh /busybox/sh; do
  if [ -x "$shell" ]; then exec "$shell" ${SCRIPT_MOUNT}/script </dev/null; fi
done
echo "shell not found" >&2
exit 1`,
];

export interface ContainerShellDeps {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Runs scripts in a job's container. Each starts the container anew: the files of the one before are there, its processes
 * are not, as with GitLab's runner.
 * @param scriptDir folder on the machine that the container sees as SCRIPT_MOUNT; its pipe is there.
 * @param scratchDir parent of the supervisors' private folders.
 */
export function createContainerShell(
  container: Container,
  scriptDir: string,
  scratchDir: string,
  deps: ContainerShellDeps,
): ScriptHost {
  const { channel, random } = deps;
  const pipe = `${scriptDir}/${PIPE_NAME}`;
  return {
    async runScript(script, run, onTrace) {
      const trace = newTrace(scratchDir, random);
      const command = supervisorCommand(trace, `${scriptDir}/script`, { pipe });
      const process = await channel.exec(command, {}, run.signal);
      return followContainer(container, process, trace, 0, run, deps, async (either) => {
        // The container comes as far as its gate while the script is uploaded and the record written.
        const started = startAnew(container, run.signal);
        try {
          await orAborted(
            Promise.all([started, feed(process.stdin, scriptMessage(script, ""), either), onTrace(trace)]),
            either,
          );
        } catch (error) {
          await started.catch(() => undefined);
          throw error;
        }
        process.stdin.write(RUN_WORD);
      });
    },
    async resumeScript(trace, takenBytes, run) {
      if ((await claimScript(channel, trace, run.signal)) === "never") {
        await leaveGate(container, run.signal);
        return undefined;
      }
      const process = await channel.exec(followerCommand(trace, takenBytes, pipe), {}, run.signal);
      const { isRunning } = await container.inspect(run.signal);
      const stop = isRunning ? run.stop : new AbortController().signal;
      return followContainer(container, process, trace, takenBytes, { ...run, stop }, deps, async () => undefined);
    },
  };
}

async function followContainer(
  container: Container,
  process: RemoteProcess,
  { nonce }: ScriptTrace,
  takenBytes: number,
  { output, stop, signal }: ScriptRun,
  deps: ContainerShellDeps,
  start: (signal: AbortSignal) => Promise<void>,
): Promise<ScriptExit> {
  const stream = copyScript(process, nonce, { output, signal }, deps.clock);
  try {
    await start(AbortSignal.any([signal, stop]));
    const exit = await untilEnded(container, stream, stop, deps, signal);
    process.stdin.end(ENDED_WORD);
    await drain(stream, deps.clock, signal);
    const isSilent = exit.exitCode !== 0 && takenBytes + stream.takenBytes === 0;
    return isSilent ? { ...exit, said: await container.tail(LOG_LINES, signal) } : exit;
  } catch (error) {
    if (!(stop.aborted && error === stop.reason)) {
      throw await firstCause(error, process, signal, deps.clock);
    }
    await leaveGate(container, signal);
    return { exitCode: KILLED_EXIT_CODE, wasStopped: true };
  } finally {
    stream.close();
  }
}

/** Starts a container. One may still wait at its gate, for a script that the manager before this one did not come to begin. */
async function startAnew(container: Container, signal: AbortSignal): Promise<void> {
  const { isRunning } = await container.inspect(signal);
  if (isRunning) {
    await leaveGate(container, signal);
  }
  await container.start(signal);
}

/** Ends a container whose script will not begin, so that it can be started anew. */
async function leaveGate(container: Container, signal: AbortSignal): Promise<void> {
  await container.kill(signal);
  await container.wait(signal);
}

async function untilEnded(
  container: Container,
  stream: ScriptStream,
  stop: AbortSignal,
  deps: ContainerShellDeps,
  signal: AbortSignal,
): Promise<ScriptExit> {
  let hasExited = false;
  const exited = container.wait(signal).finally(() => {
    hasExited = true;
  });
  exited.catch(() => undefined);
  using stopped = whenAborted(stop);
  await orAborted(Promise.race([exited, stopped, failureOf(stream)]), signal);
  if (hasExited) {
    return { exitCode: await exited, wasStopped: false };
  }
  await stopContainer(container, exited, deps, signal);
  return { exitCode: (await within(deps.clock, STOP_PATIENCE_MS, exited)) ?? KILLED_EXIT_CODE, wasStopped: true };
}

/** Rejects when the output breaks, or cannot be taken; a stream that ends before its container is another matter. */
const failureOf = ({ drained }: ScriptStream): Promise<never> =>
  drained.then(() => new Promise<never>(() => undefined));

/** Waits for the last byte. A stream that neither ends nor speaks is given up, a slow reader never. */
async function drain(stream: ScriptStream, clock: Clock, signal: AbortSignal): Promise<void> {
  let seenBytes = -1;
  let hasEnded = false;
  const ended = stream.marked.then(() => {
    hasEnded = true;
  });
  ended.catch(() => undefined);
  while (!hasEnded && (stream.isWriting || stream.takenBytes !== seenBytes)) {
    seenBytes = stream.takenBytes;
    await orAborted(within(clock, SILENCE_MS, ended), signal);
  }
  if (hasEnded && stream.exitCode === undefined) {
    throw notFollowed((await stream.complaint).trim());
  }
}

/** TERM to every process in the container (its first one may ignore it, as init does), then KILL. */
async function stopContainer(
  container: Container,
  exited: Promise<number>,
  { channel, clock }: ContainerShellDeps,
  signal: AbortSignal,
): Promise<void> {
  const groups = `/sys/fs/cgroup/system.slice/docker-${container.id}.scope /sys/fs/cgroup/docker/${container.id}`;
  const command = `${AS_ROOT}; for group in ${groups}; do
  [ -r "$group/cgroup.procs" ] && as_root kill -TERM $(cat "$group/cgroup.procs")
done; true`;
  // Asking politely may fail in many ways; what counts is the kill.
  const asked = runOnMachine(channel, command, undefined, signal).catch(() => undefined);
  await orAborted(within(clock, STOP_GRACE_MS, Promise.all([asked, exited])), signal);
  await orAborted(container.kill(signal), signal);
}
