import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { SystemError } from "../../domain/errors.ts";
import { bootSector, SIGN_OF_LIFE } from "./bootSector.ts";
import type { AcceleratorName } from "./options.ts";

/** A real accelerator runs the probe in a fraction of this; one that hangs costs no more. */
const PROBE_DEADLINE_MS = 4_000;
/** Software emulation always comes through, but a busy host may need a while. */
const EMULATION_DEADLINE_MS = 30_000;

/** What the probe saw of one accelerator. */
export interface AcceleratorEvidence {
  readonly name: AcceleratorName;
  readonly works: boolean;
  /** One sentence. */
  readonly evidence: string;
}

/** The accelerator that machines run with, and what speaks for it. */
export interface ChosenAccelerator {
  readonly name: AcceleratorName;
  readonly evidence: string;
  /** Where the answer came from: seen just now, or by an earlier probe of the same host, kernel and QEMU. */
  readonly isRemembered: boolean;
}

export interface AcceleratorDeps {
  /** Where the answer is remembered; never trusted for another kernel, QEMU or device. */
  readonly memoPath: string;
  /** @default "qemu-system-x86_64" */
  readonly program?: string | undefined;
}

/** Answers the first accelerator that a guest was seen to run under: kvm or hvf where there is one, else tcg. */
export async function chooseAccelerator(deps: AcceleratorDeps, signal: AbortSignal): Promise<ChosenAccelerator> {
  const host = await hostIdentity(deps, signal);
  const remembered = await readMemo(deps.memoPath);
  if (remembered?.host === host) return { name: remembered.name, evidence: remembered.evidence, isRemembered: true };
  const seen = await probeAccelerators(deps, signal);
  const chosen = seen.find((one) => one.works);
  if (chosen === undefined) {
    throw new SystemError("no-accelerator", `QEMU runs no guest here: ${seen.map((one) => one.evidence).join("; ")}`);
  }
  const { name } = chosen;
  const evidence = seen.map((one) => one.evidence).join("; ");
  await mkdir(dirname(deps.memoPath), { recursive: true, mode: 0o700 });
  await writeFile(deps.memoPath, JSON.stringify({ host, name, evidence }));
  return { name, evidence, isRemembered: false };
}

/** Boots a tiny guest under every accelerator of this host, the fastest first, and says what came of it. */
export async function probeAccelerators(
  { program = PROGRAM }: Pick<AcceleratorDeps, "program">,
  signal: AbortSignal,
): Promise<readonly AcceleratorEvidence[]> {
  const hardware: readonly AcceleratorName[] = process.platform === "darwin" ? ["hvf"] : ["kvm"];
  const seen: AcceleratorEvidence[] = [];
  for (const name of [...hardware, "tcg" as const]) seen.push(await probe(program, name, signal));
  return seen;
}

/** What is looked for on the PATH. */
export const PROGRAM = "qemu-system-x86_64";

async function probe(program: string, name: AcceleratorName, signal: AbortSignal): Promise<AcceleratorEvidence> {
  if (name === "kvm" && !(await exists("/dev/kvm")))
    return { name, works: false, evidence: "kvm: there is no /dev/kvm" };
  const deadlineMs = name === "tcg" ? EMULATION_DEADLINE_MS : PROBE_DEADLINE_MS;
  const folder = await mkdtemp(join(tmpdir(), "mayfly-probe-"));
  try {
    const disk = join(folder, "probe.img");
    await writeFile(disk, bootSector());
    const startedAt = performance.now();
    const { said, complaint, isLate } = await runProbe(program, argumentsFor(name, disk), deadlineMs, signal);
    const ms = Math.round(performance.now() - startedAt);
    if (said.includes(SIGN_OF_LIFE)) return { name, works: true, evidence: `${name}: a guest ran, in ${ms} ms` };
    const why = isLate
      ? `no sign of life within ${deadlineMs / 1000} s`
      : complaint || "the guest ended without a word";
    return { name, works: false, evidence: `${name}: ${why}` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const argumentsFor = (name: AcceleratorName, disk: string): string[] => [
  ...["-nodefaults", "-no-user-config", "-display", "none", "-machine", "pc", "-m", "16"],
  ...["-accel", name, "-cpu", name === "tcg" ? "max,la57=off" : "host"],
  ...["-drive", `file=${disk},format=raw,if=ide,snapshot=on`],
  ...["-debugcon", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
];

async function runProbe(
  program: string,
  args: readonly string[],
  deadlineMs: number,
  signal: AbortSignal,
): Promise<{ said: string; complaint: string; isLate: boolean }> {
  signal.throwIfAborted();
  const late = AbortSignal.timeout(deadlineMs);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve());
  });
  // SIGKILL: a QEMU that hangs in a broken accelerator does not listen to anything milder.
  const kill = (): void => void child.kill("SIGKILL");
  const either = AbortSignal.any([signal, late]);
  either.addEventListener("abort", kill, { once: true });
  if (either.aborted) kill();
  try {
    const [said, complaint] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    signal.throwIfAborted();
    return { said, complaint: complaint.trim().split("\n")[0] ?? "", isLate: late.aborted };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new SystemError(
      "qemu-missing",
      `${program} is not installed: \`apt-get install qemu-system-x86\`, or \`mayfly doctor --fix\``,
    );
  } finally {
    either.removeEventListener("abort", kill);
  }
}

interface Memo {
  readonly host: string;
  readonly name: AcceleratorName;
  readonly evidence: string;
}

async function readMemo(path: string): Promise<Memo | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Memo;
  } catch {
    // Not there, or not whole: the probe is cheap, and its answer replaces it.
    return undefined;
  }
}

/** What the answer depends on: the kernel, QEMU's program file, and the device with its owner. */
async function hostIdentity({ program = PROGRAM }: AcceleratorDeps, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  const device = await stat("/dev/kvm").then(
    ({ rdev, mode, gid }) => `${rdev}:${mode}:${gid}`,
    () => "none",
  );
  const version = await readQemuVersion(signal, program);
  return [release(), process.arch, version, device, process.geteuid?.() ?? ""].join("|");
}

/** The first line of `qemu-system-x86_64 --version`. @throws SystemError `qemu-missing`. */
export async function readQemuVersion(signal: AbortSignal, program = PROGRAM): Promise<string> {
  const { said } = await runProbe(program, ["--version"], PROBE_DEADLINE_MS, signal);
  return said.split("\n")[0] ?? "";
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
