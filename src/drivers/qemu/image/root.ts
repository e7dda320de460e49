import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MayflyError, SystemError } from "../../../domain/errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { PackageProgress } from "./packageProgress.ts";
import { createPackageProgress } from "./packageProgress.ts";
import { IMAGE_FILES, PACKAGES, SUITE } from "./recipe.ts";
import { runProgram } from "./run.ts";
import { readAptSources } from "./sources.ts";

/** Fetching 240 packages over a slow line, and unpacking them on a slow host. */
const ROOT_DEADLINE_MS = 30 * 60_000;
/** What the build takes out of the root. */
const PARTS = ["disk.qcow2", "vmlinuz", "initrd.img", "busybox", "applets"] as const;

export interface RootFacts {
  /** Takes the parts. */
  readonly folder: string;
  /** Size of the disk as the guest sees it, in MiB. */
  readonly diskMiB: number;
  readonly isRoot: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onProgress: (progress: PackageProgress) => void;
}

/**
 * Makes the guest's root of Debian packages and packs it: disk.qcow2, vmlinuz, initrd.img, and the busybox with its applets.
 * @throws SystemError `root-failed` with mmdebstrap's last words and, for users other than root, what they lack; `root-timeout`.
 */
export async function buildRoot(facts: RootFacts, clock: Clock, signal: AbortSignal): Promise<void> {
  const { folder, isRoot, onProgress } = facts;
  const scratch = join(folder, "scratch");
  await mkdir(scratch);
  // A user's own folders are closed to the users of their name space, so those work in the system's temporary folder.
  const env = { ...facts.env, INITRD: "No", ...(isRoot ? { TMPDIR: scratch } : {}) };
  const nextProgress = createPackageProgress();
  const onLine = (line: string): void => {
    const progress = nextProgress(line);
    if (progress !== undefined) onProgress(progress);
  };
  const deadline = { ms: ROOT_DEADLINE_MS, code: "root-timeout" };
  try {
    const args = argumentsFrom(facts, await writeSources(folder));
    await runProgram("mmdebstrap", args, { env, onLine, deadline, hasOwnMounts: isRoot }, clock, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw isRoot || !(error instanceof MayflyError) || error.code !== "program-failed" ? error : withAdvice(error);
  }
  await rm(scratch, { recursive: true, force: true });
}

function argumentsFrom({ folder, diskMiB, isRoot }: RootFacts, sources: readonly string[]): string[] {
  const hook = (script: string, ...args: readonly string[]): string =>
    `--customize-hook=${[join(IMAGE_FILES, script), '"$1"', ...args].map(quoted).join(" ")}`;
  const out = (part: string): string => `--customize-hook=download /mayfly-out/${part} ${quoted(join(folder, part))}`;
  return [
    ...["--verbose", "--variant=minbase", "--format=null", `--mode=${isRoot ? "root" : "unshare"}`],
    `--include=${PACKAGES.join(",")}`,
    ...["man", "doc", "info", "locale"].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
    // The root is thrown away when this fails: nothing needs to reach the disk early.
    ...["--dpkgopt=force-unsafe-io", '--aptopt=APT::Install-Recommends "false"'],
    hook("customize.sh", IMAGE_FILES),
    hook("pack.sh", String(diskMiB)),
    ...PARTS.map(out),
    ...[SUITE, "/dev/null", ...sources],
  ];
}

/** The host's own sources, as files, since they may hold passwords; none at all lets mmdebstrap take its default. */
async function writeSources(folder: string): Promise<string[]> {
  const { lines, stanzas } = await readAptSources("/etc/apt");
  const files = [
    { path: join(folder, "sources.list"), text: lines },
    { path: join(folder, "debian.sources"), text: stanzas },
  ].filter(({ text }) => text !== "");
  for (const { path, text } of files) await writeFile(path, text, { mode: 0o600 });
  return files.map(({ path }) => path);
}

const quoted = (word: string): string => (word === '"$1"' ? word : `'${word.replaceAll("'", `'\\''`)}'`);

const withAdvice = (error: MayflyError): SystemError =>
  new SystemError(
    "root-failed",
    `${error.message}\nwithout root it needs the package uidmap and ranges for this user in /etc/subuid and /etc/subgid; or run it as root`,
    { cause: error },
  );
