import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { SystemError } from "../../../domain/errors.ts";
import type { Clock } from "../../../ports/clock.ts";

/** A program that was told to end may clean up for this long before it is killed. */
const GRACE_MS = 15_000;
/** The last lines of output that an error quotes. */
const TAIL_LINES = 12;

export interface RunOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Told every line of both outputs. */
  readonly onLine: (line: string) => void;
  /** A program that takes longer is told to end; `code` is that of the error. */
  readonly deadline: { readonly ms: number; readonly code: string };
  /** What it mounts is seen by it alone and goes with it, even when it is killed; where the host allows it. @default false */
  readonly hasOwnMounts?: boolean | undefined;
}

/** A root that may not mount anything has no mounts to leave either. */
const AMONG_OWN_MOUNTS = [
  "sh",
  "-c",
  'unshare --mount true 2>/dev/null && exec unshare --mount -- "$@"; exec "$@"',
  "sh",
];

/**
 * Runs a program to its end, in a process group of its own. When the signal aborts, or this very process dies, it is told to end.
 * @returns its last lines.
 * @throws SystemError `program-failed` with its last lines, `program-missing`, or the deadline's; the signal's reason, once it has ended.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  { env, onLine, deadline, hasOwnMounts = false }: RunOptions,
  clock: Clock,
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted();
  // Without it, what a killed manager has begun would go on by itself. Linux alone has it, as it alone has mmdebstrap.
  const words = [...(hasOwnMounts ? AMONG_OWN_MOUNTS : []), program, ...args];
  const [first = program, ...rest] =
    process.platform === "linux" ? ["setpriv", "--pdeathsig", "TERM", ...words] : words;
  const child = spawn(first, rest, { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const ended = endOf(child);
  const over = new AbortController();
  let isLate = false;
  const abort = (): void => void endGroup(child, clock, over.signal);
  signal.addEventListener("abort", abort, { once: true });
  const timeout = clock.sleep(deadline.ms, over.signal).then(
    () => {
      isLate = true;
      abort();
    },
    () => undefined,
  );
  const tail: string[] = [];
  const listen = async (stream: Readable): Promise<void> => {
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
      onLine(line);
    }
  };
  try {
    const [how] = await Promise.all([ended, listen(child.stdout), listen(child.stderr)]);
    signal.throwIfAborted();
    if (isLate) throw new SystemError(deadline.code, `${program} was not done after ${deadline.ms} ms`);
    if (how === "exit code 0") return tail.join("\n");
    // 127 is what setpriv answers for a program that is not there.
    if (how === "exit code 127" || how === "ENOENT")
      throw new SystemError("program-missing", `${program} is not installed: \`mayfly doctor --fix\` installs it`);
    throw new SystemError("program-failed", `${program} failed (${how}); its last words:\n${tail.join("\n")}`);
  } finally {
    signal.removeEventListener("abort", abort);
    over.abort();
    await timeout;
  }
}

const endOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "ENOENT" ? resolve("ENOENT") : reject(error),
    );
    child.once("close", (code, name) => resolve(code === null ? `signal ${name}` : `exit code ${code}`));
  });

async function endGroup(child: ChildProcess, clock: Clock, over: AbortSignal): Promise<void> {
  signalGroup(child, "SIGTERM");
  try {
    await clock.sleep(GRACE_MS, over);
  } catch {
    return;
  }
  signalGroup(child, "SIGKILL");
}

function signalGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // Gone already.
  }
}
