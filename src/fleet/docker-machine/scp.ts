import { spawn } from "node:child_process";
import { once } from "node:events";
import { basename, dirname, resolve } from "node:path";
import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { Call } from "./call.ts";
import { CallError } from "./errors.ts";
import { parseFlags } from "./flags.ts";
import { execOn, exitCodeOf } from "./ssh.ts";

/** One end of a copy. */
interface Place {
  /** Absent for this host. */
  readonly machine?: string;
  readonly path: string;
}

/**
 * `scp [-r] [MACHINE:]FROM [MACHINE:]TO`: copies through tar at both ends, so that modes and links stay. TO is where FROM goes
 * into when it is a directory, else what it is going to be called.
 */
export async function runScp(call: Call): Promise<number> {
  const { words, flag } = parseFlags(call.args, {
    ...{ recursive: "boolean", r: { means: "recursive" }, delta: "boolean", d: { means: "delta" } },
    ...{ quiet: "boolean", q: { means: "quiet" } },
  });
  const [from, to, ...more] = words.map((word) => placeFrom(word));
  if (from === undefined || to === undefined || more.length > 0) throw new CallError("Improper number of arguments");
  if (from.machine === undefined && to.machine === undefined)
    throw new CallError("Expected a machine on one side at least");
  const isRecursive = flag("recursive");

  const name = basename(from.path);
  const pack = `cd ${quote(dirname(from.path))} && ${isRecursive ? "" : `if [ -d ${quote(name)} ]; then echo ${quote(`${name} is a directory: use -r`)} >&2; exit 1; fi; `}tar -cf - -- ${quote(name)}`;
  // What arrives is unpacked beside its place first, and moved to its name then.
  const unpack = `set -e; to=${quote(to.path)}; if [ -d "$to" ]; then exec tar -xf - -C "$to"; fi; part=$(mktemp -d "$(dirname "$to")/.scp.XXXXXX"); trap 'rm -rf "$part"' EXIT; tar -xf - -C "$part"; mv -T "$part"/${quote(name)} "$to"`;
  const [source, target] = await Promise.all([start(call, from.machine, pack), start(call, to.machine, unpack)]);
  const [, sourceSaid, targetSaid, ...codes] = await Promise.all([
    pipeline(source.stdout, target.stdin).catch(() => undefined),
    text(source.stderr),
    text(target.stderr),
    source.exitCode,
    target.exitCode,
  ]);
  const failed = codes.find((code) => code !== 0);
  if (failed === undefined) return 0;
  throw new CallError(`${sourceSaid}${targetSaid}`.trim() || `tar ended with ${failed}`);
}

/** `MACHINE:PATH`; a slash before the colon makes it a path of this host. */
function placeFrom(word: string): Place {
  const [, machine, path = ""] = /^([^:/]+):(.*)$/s.exec(word) ?? [];
  if (machine === undefined) return { path: resolve(word) };
  // An account before the machine's name has no say: the pool's is used.
  const name = machine.slice(machine.lastIndexOf("@") + 1);
  return { machine: name, path: path === "" ? "." : path };
}

interface Running {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exitCode: Promise<number>;
}

async function start(call: Call, machine: string | undefined, command: string): Promise<Running> {
  if (machine !== undefined) {
    const remote = await execOn(call, machine, command);
    return { ...remote, exitCode: remote.exited.then(exitCodeOf) };
  }
  const child = spawn("sh", ["-c", command], { cwd: call.cwd, stdio: "pipe" });
  const exited = once(child, "close") as Promise<[number | null]>;
  const { stdin, stdout, stderr } = child;
  return { stdin, stdout, stderr, exitCode: exited.then(([code]) => code ?? 1) };
}

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
