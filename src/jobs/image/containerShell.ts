import { Readable } from "node:stream";
import type { Channel } from "../../ports/channel.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Container } from "../../ports/engine.ts";
import type { JobOutput } from "../output.ts";
import { quoteForShell } from "../script.ts";
import type { ScriptHost } from "../scriptHost.ts";
import { KILLED_EXIT_CODE, STOP_GRACE_MS, STOP_PATIENCE_MS } from "../scriptHost.ts";
import { orAborted, whenAborted, within } from "../waits.ts";
import { AS_ROOT, runOnMachine } from "../workspace.ts";

/** Where a job's container sees the folder that holds its script. */
export const SCRIPT_MOUNT = "/.mayfly";
/** How long the output of a container that has ended may stay silent before it is given up. */
const SILENCE_MS = 10_000;

/**
 * Picks the image's best shell, in GitLab's order, and has it read the script. The image's entrypoint runs this. Both outputs go
 * into one pipe: an engine keeps no order between two.
 */
export const SHELL_COMMAND: readonly string[] = [
  "sh",
  "-c",
  `for shell in /usr/local/bin/bash /usr/bin/bash /bin/bash /usr/local/bin/sh /usr/bin/sh /bin/sh /busybox/sh; do
  if [ -x "$shell" ]; then exec "$shell" ${SCRIPT_MOUNT}/script </dev/null 2>&1; fi
done
echo "shell not found" >&2
exit 1`,
];

export interface ContainerShellDeps {
  readonly channel: Channel;
  readonly clock: Clock;
}

/**
 * Runs scripts in a job's container. Each starts the container anew: the files of the one before are there, its processes
 * are not, as with GitLab's runner.
 * @param scriptDir folder on the machine that the container sees as SCRIPT_MOUNT.
 */
export function createContainerShell(container: Container, scriptDir: string, deps: ContainerShellDeps): ScriptHost {
  return {
    async runScript(script, output, stop, signal) {
      await putScript(script, scriptDir, deps.channel, signal);
      const { output: stream } = await container.attach(signal);
      const copied = new OutputCopy(stream, output, signal);
      await container.start(signal);
      const exited = container.wait(signal);
      exited.catch(() => undefined);
      using stopped = whenAborted(stop);
      await orAborted(Promise.race([exited, stopped]), signal);
      if (stop.aborted) {
        await stopContainer(container, exited, deps, signal);
      }
      const exitCode = stop.aborted ? await within(deps.clock, STOP_PATIENCE_MS, exited) : await exited;
      await copied.end(deps.clock);
      return exitCode ?? KILLED_EXIT_CODE;
    },
  };
}

/** Writes the script under another name first: a container never sees half of one. */
async function putScript(script: Uint8Array, dir: string, channel: Channel, signal: AbortSignal): Promise<void> {
  const folder = quoteForShell(dir);
  const command = `umask 022; cat >${folder}/new && mv ${folder}/new ${folder}/script`;
  await runOnMachine(channel, command, Readable.from([script]), signal);
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

/** Copies a container's output, with back-pressure. */
class OutputCopy {
  readonly #done: Promise<void>;
  readonly #signal: AbortSignal;
  #chunks = 0;
  #isWriting = false;
  #isDone = false;

  constructor(stream: Readable, output: JobOutput, signal: AbortSignal) {
    this.#signal = signal;
    this.#done = this.#copy(stream, output).finally(() => {
      this.#isDone = true;
    });
    this.#done.catch(() => undefined);
  }

  /** Waits for the last byte. A stream that neither ends nor speaks is given up, a slow reader never. */
  async end(clock: Clock): Promise<void> {
    let seen = -1;
    while (!this.#isDone && (this.#isWriting || this.#chunks !== seen)) {
      seen = this.#chunks;
      await orAborted(within(clock, SILENCE_MS, this.#done), this.#signal);
    }
    if (this.#isDone) {
      await this.#done;
    }
  }

  async #copy(stream: Readable, output: JobOutput): Promise<void> {
    for await (const chunk of stream) {
      this.#chunks += 1;
      this.#isWriting = true;
      await orAborted(output(chunk as Uint8Array), this.#signal);
      this.#isWriting = false;
    }
  }
}
