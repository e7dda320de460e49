import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { isExecutable } from "./executable.ts";

/** What is known of the host that mayfly runs on. */
export interface HostFacts {
  /** What programs are started with. */
  readonly env: NodeJS.ProcessEnv;
  readonly isRoot: boolean;
  /** It has apt-get: Debian, Ubuntu and their like. */
  readonly isDebianLike: boolean;
  readonly osName: string;
  has(program: string): boolean;
}

/** Reads the facts of this host. Also looks into the sbin folders, which are not on an ordinary user's PATH. */
export function readHostFacts(env: NodeJS.ProcessEnv): HostFacts {
  const folders = [...(env["PATH"] ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  const has = (program: string): boolean =>
    folders.some((folder) => folder !== "" && isExecutable(join(folder, program)));
  return { env, isRoot: process.getuid?.() === 0, isDebianLike: has("apt-get"), osName: readOsName(), has };
}

function readOsName(): string {
  if (!existsSync("/etc/os-release")) return process.platform;
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? process.platform;
}
