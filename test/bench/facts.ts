import { execFile } from "node:child_process";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";
import { promisify } from "node:util";

/** The host that a run was measured on. */
export interface BenchFacts {
  readonly cores: number;
  readonly processor: string;
  readonly memoryMiB: number;
  readonly kernel: string;
  readonly node: string;
  /** Of real machines; undefined when none was booted. */
  readonly qemu?: string | undefined;
  readonly accelerator?: string | undefined;
  /** Runnable processes, averaged over the minute before the start. A busy host spreads the numbers. */
  readonly loadAtStart: number;
}

/**
 * Reads the facts of this host.
 * @param accelerator what ran real machines, if any were booted.
 * @param loadAtStart read by the caller before its own work adds to it.
 */
export async function readBenchFacts(accelerator: string | undefined, loadAtStart: number): Promise<BenchFacts> {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? "unknown",
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    // What a distribution or a provider hangs on to the version may tell whose host it is.
    kernel: `${type()} ${/^[\d.]+/.exec(release())?.[0] ?? ""}`.trim(),
    node: process.version,
    ...(accelerator === undefined ? {} : { accelerator, qemu: await qemuVersion() }),
    loadAtStart,
  };
}

async function qemuVersion(): Promise<string> {
  const { stdout } = await promisify(execFile)("qemu-system-x86_64", ["--version"]);
  return /version (\S+)/.exec(stdout)?.[1] ?? stdout.trim();
}
