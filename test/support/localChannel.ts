import { spawn } from "node:child_process";
import { MachineLostError } from "../../src/domain/errors.ts";
import type { Channel, ExecExit, RemoteProcess } from "../../src/ports/channel.ts";

/** A channel to nowhere but this host: commands run through bash in a folder. */
export interface LocalChannel extends Channel {
  /** Commands that were started, in order. */
  readonly commands: string[];
  /** Breaks it, as a machine that vanishes does: all processes end, and what is said about it is MachineLostError. */
  break(why: string): void;
}

/** Opens a local channel. @param cwd where commands start. */
export function openLocalChannel(cwd: string): LocalChannel {
  const commands: string[] = [];
  const breaking = Promise.withResolvers<string>();
  const running = new Set<() => void>();
  let brokenBy: MachineLostError | undefined;
  return {
    commands,
    closed: breaking.promise,
    close: () => breaking.resolve("closed"),
    break(why) {
      brokenBy = new MachineLostError("channel-lost", why);
      breaking.resolve(why);
      for (const end of running) {
        end();
      }
    },
    async exec(command, _options, signal): Promise<RemoteProcess> {
      signal.throwIfAborted();
      if (brokenBy !== undefined) {
        throw brokenBy;
      }
      commands.push(command);
      const child = spawn("bash", ["-c", command], { cwd, stdio: "pipe", detached: true });
      const close = (): void => {
        child.stdin.destroy();
        child.stdout.destroy();
        child.stderr.destroy();
      };
      const end = (): void => {
        child.kill("SIGKILL");
        close();
      };
      running.add(end);
      const exited = new Promise<ExecExit>((resolve, reject) => {
        child.on("error", reject);
        child.on("close", (code, name) => {
          running.delete(end);
          if (brokenBy !== undefined) {
            reject(brokenBy);
          } else {
            resolve(code === null ? { signal: name ?? undefined } : { exitCode: code });
          }
        });
      });
      return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exited, resize: () => undefined, close };
    },
    forward: () => Promise.reject(new Error("a local channel forwards nothing")),
  };
}
