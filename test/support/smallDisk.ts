import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** A small file system of its own over a folder, which only programs started with its `enter` words see there. */
export interface SmallDisk extends AsyncDisposable {
  /** Words before a program that shall see it. */
  readonly enter: readonly string[];
  /** Where this process finds what lies at an absolute path for those programs. */
  seen(path: string): string;
  /** Makes it read-only. */
  freeze(): void;
}

/** Who may not mount has a name space for users to do it in, where the host has those. */
const [UNSHARE, NSENTER] =
  process.getuid?.() === 0
    ? [["-m"], ["-m"]]
    : [
        ["-r", "-m"],
        ["-U", "-m", "--preserve-credentials"],
      ];

/** Why small disks cannot be mounted here; empty when they can. */
export function smallDiskObstacle(): string {
  try {
    execFileSync("unshare", [...UNSHARE, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/tmp"], { stdio: "pipe" });
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Mounts one over a folder. It goes with its programs. */
export async function mountSmallDisk(folder: string, sizeMiB: number): Promise<SmallDisk> {
  const script = 'mount -t tmpfs -o size="$1"m,mode=0700 tmpfs "$0" && echo mounted && exec sleep 600';
  const holder = spawn("unshare", [...UNSHARE, "sh", "-c", script, folder, `${sizeMiB}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  const enter = ["nsenter", "-t", `${holder.pid}`, ...NSENTER, "--"];
  return {
    enter,
    seen: (path) => join(`/proc/${holder.pid}/root`, path),
    freeze: () => void execFileSync("nsenter", [...enter.slice(1), "mount", "-o", "remount,ro", folder]),
    async [Symbol.asyncDispose]() {
      const ended = once(holder, "exit");
      holder.kill("SIGKILL");
      await ended;
    },
  };
}
