import type { ScriptTrace } from "../domain/jobProgress.ts";
import type { Channel, RemoteProcess } from "../ports/channel.ts";
import type { Random } from "../ports/random.ts";
import type { MachineFolders } from "./run.ts";
import { supervisorCommand } from "./supervisor.ts";

/** A supervisor on its machine, and where its script will be met again. */
export interface Supervisor {
  readonly trace: ScriptTrace;
  readonly process: RemoteProcess;
}

/** The supervisors that were started on ready machines before there was a script for them: at most one a channel. */
export interface WaitingSupervisors {
  /** Starts one. What goes wrong is left to the script that finds none. */
  prepare(channel: Channel): void;
  /** Answers the one that waits at a channel, and forgets it; undefined where there is none, or it has ended. */
  take(channel: Channel): Promise<Supervisor | undefined>;
}

interface Waiting {
  readonly started: Promise<Supervisor | undefined>;
  hasEnded: boolean;
}

/** Creates an empty register. A supervisor ends with its channel. */
export function createWaitingSupervisors(folders: MachineFolders, random: Random): WaitingSupervisors {
  const waiting = new WeakMap<Channel, Waiting>();
  const never = new AbortController().signal;
  return {
    prepare(channel) {
      const start = async (): Promise<Supervisor | undefined> => {
        const supervisor = await startSupervisor(channel, folders, "own", random, never);
        const onEnd = (): void => {
          entry.hasEnded = true;
        };
        supervisor.process.exited.then(onEnd, onEnd);
        return supervisor;
      };
      const entry: Waiting = {
        started: Promise.resolve()
          .then(start)
          .catch(() => undefined),
        hasEnded: false,
      };
      waiting.set(channel, entry);
    },
    async take(channel) {
      const entry = waiting.get(channel);
      waiting.delete(channel);
      const supervisor = await entry?.started;
      return entry?.hasEnded === true ? undefined : supervisor;
    },
  };
}

/** Starts one. @throws MachineLostError when the machine went; the signal's reason when it aborts, which ends it later, too. */
export async function startSupervisor(
  channel: Channel,
  { builds, scratch }: MachineFolders,
  user: "own" | "root",
  random: Random,
  signal: AbortSignal,
): Promise<Supervisor> {
  const trace = newTrace(scratch, random);
  const command = supervisorCommand(trace, `${trace.folder}/script`, { builds, user });
  return { trace, process: await channel.exec(command, {}, signal) };
}

/** Names the private folder and the marker of one more script. */
export function newTrace(scratchDir: string, random: Random): ScriptTrace {
  return { folder: `${scratchDir}/${random.id(".mayfly")}`, nonce: random.id("end") };
}
