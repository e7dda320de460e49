import { CapacityError, MayflyError, SystemError } from "../../domain/errors.ts";

/** QEMU could not listen on the address that was chosen for it; another one will do. */
export class AddressTakenError extends MayflyError {}

/** Tells whether an error is the system's error of that name. */
export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Classifies what a program that never started, or the file system, answered. Our own errors stay as they are. */
export function errorFrom(error: unknown, program?: string): unknown {
  if (error instanceof MayflyError) return error;
  if (isErrno(error, "ENOSPC") || isErrno(error, "EDQUOT"))
    return new CapacityError("no-disk", "no disk space left for one more machine", { cause: error });
  if (program !== undefined && isErrno(error, "ENOENT"))
    return new SystemError("qemu-missing", `${program} is not installed: apt-get install qemu-system-x86 qemu-utils`, {
      cause: error,
    });
  return error;
}

/** Classifies QEMU's last words; `log` is what it wrote to stderr. Source of the sentences: QEMU 7.2. */
export function startErrorFrom(log: string, exit: string): MayflyError {
  const words = lastWordsFrom(log);
  if (/host forwarding rule/.test(log)) return new AddressTakenError("address-taken", words);
  if (/cannot allocate memory|cannot set up guest memory/i.test(log))
    return new CapacityError("no-memory", `the host has no memory for one more machine: ${words}`);
  if (/no space left on device/i.test(log))
    return new CapacityError("no-disk", `the host has no disk space for one more machine: ${words}`);
  return new SystemError("qemu-failed", `QEMU did not start (${exit}): ${words}`);
}

/** The last lines of a log, in one. */
export const lastWordsFrom = (log: string): string => log.trim().split("\n").slice(-3).join("; ") || "it said nothing";
