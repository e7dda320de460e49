import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { CLI } from "./cli.ts";

/** A line of a daemon's log. */
export interface LogLine {
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** `mayfly daemon` as a process of its own. */
export interface DaemonProcess {
  /** What it has logged so far, in order. */
  readonly log: readonly LogLine[];
  /** Sends a signal and waits for the end; answers the exit code, null when the signal ended it. Ended already is success. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts a daemon. Stop it before the test ends. */
export function startDaemonProcess(configPath: string, env: Readonly<Record<string, string>> = {}): DaemonProcess {
  const child = spawn(process.execPath, [CLI, "daemon", "-c", configPath], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = once(child, "exit");
  const log: LogLine[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => void log.push(logLineFrom(line)));
  return {
    log,
    async stop(signal) {
      child.kill(signal);
      const [exitCode] = (await exited) as [number | null];
      return exitCode;
    },
  };
}

/** What is no JSON was said by Node, or by an error at the very start. */
function logLineFrom(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { msg: line };
  }
}
